"""One module a command of `veclink`, each with the attribute `command`; imported when it is invoked."""
