"""The one error whose message is meant for the person at the keyboard."""


class UserError(Exception):
    """Something the user can mend: the message says what was got and what to do.

    The command line prints it as it stands, without a traceback, and exits with status 2.
    """

    def _render_traceback_(self) -> list[str]:
        """What IPython shows instead of a traceback."""
        return [str(self)]
