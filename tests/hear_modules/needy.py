"""A module that needs another one."""

import a_framework_that_nobody_has  # noqa: F401
