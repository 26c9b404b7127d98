"""Tariffs: what each service and product costs today, what comes and what ended; change it from a day on; try it before that."""

from fastapi import APIRouter

from hub.web.tariffs import editing, listed, trying
from hub.web.tariffs.drafts import Drafts

__all__ = ["Drafts", "router"]

router = APIRouter(routes=[*listed.router.routes, *trying.router.routes, *editing.router.routes])
