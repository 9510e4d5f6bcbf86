"""What a Killcord process is told, from where, and whether it fits. Loads no Faust: agents use it too."""

from monitor.settings.kafka import aiokafka_options
from monitor.settings.load import OTHER_VARIABLES, Loaded, SettingsError, Shown, environment, load
from monitor.settings.model import FIELDS, Field, Settings

__all__ = [
    "FIELDS",
    "OTHER_VARIABLES",
    "Field",
    "Loaded",
    "Settings",
    "SettingsError",
    "Shown",
    "aiokafka_options",
    "environment",
    "load",
]
