"""Devices: are they there, are their readers well, does anything wait in them, how fast do they answer; add, name, set, block them."""

from fastapi import APIRouter

from hub.web.devices import listed, one

__all__ = ["router"]

router = APIRouter(routes=[*listed.router.routes, *one.router.routes])
