"""What every test of the hub gets: books that are the replay of their facts."""

from tests.journals import replay_equals_live

__all__ = ["replay_equals_live"]
