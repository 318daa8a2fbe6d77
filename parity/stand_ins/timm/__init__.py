"""Stands in for timm, of which hear21passt uses one function; the whole needs torchvision."""
