"""The steps. A step that was released is never changed: a further one follows."""
