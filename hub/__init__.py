"""The school: decides, remembers, shows. `core` decides; every other room here talks."""
