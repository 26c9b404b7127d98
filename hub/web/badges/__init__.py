"""Badges: all of them with their state, one with its history, give one by tapping or typing, print cards and day passes.

A code is never stored: only its keyed hash is. A sheet can therefore be printed only at the moment its codes are made.
"""

from fastapi import APIRouter

from hub.web.badges import cards, giving, listed
from hub.web.badges.cards import Sheets

__all__ = ["Sheets", "router"]

router = APIRouter(routes=[*cards.router.routes, *giving.router.routes, *listed.router.routes])
"""The list comes last: a path of the others would be taken for a badge's number."""
