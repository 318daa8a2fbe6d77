"""What the app's HTTP routes answer with, one module a kind of answer."""
