"""Words with one spelling everywhere. Camtrap DP 1.0.2 values stand verbatim, so an export renames nothing."""

from enum import StrEnum


class CaptureMethod(StrEnum):
    """Camtrap DP ``captureMethod``."""

    ACTIVITY_DETECTION = "activityDetection"
    TIME_LAPSE = "timeLapse"


class ObservationType(StrEnum):
    """Camtrap DP ``observationType``."""

    ANIMAL = "animal"
    HUMAN = "human"
    VEHICLE = "vehicle"
    BLANK = "blank"
    UNKNOWN = "unknown"
    UNCLASSIFIED = "unclassified"


class Decision(StrEnum):
    """What triage does with a burst. Only ``BLANK`` loses full frames, and not when it is drawn for the audit."""

    KEEP = "keep"
    UNKNOWN = "unknown"
    BLANK = "blank"


class Role(StrEnum):
    """What a media file is; it decides what is pulled first and what a full card gives up first."""

    PHOTOGRAPH = "photograph"
    AUDIT = "audit"
    THUMBNAIL = "thumbnail"


# How a machine classifies, Camtrap DP ``classificationMethod``.
MACHINE = "machine"
HUMAN_CLASSIFICATION = "human"
