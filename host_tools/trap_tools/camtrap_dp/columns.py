"""Column names of the tables: the three of Camtrap DP 1.0.2 verbatim and in the order of its schemas, and our own."""

from collections.abc import Mapping

PROFILE = "https://raw.githubusercontent.com/tdwg/camtrap-dp/1.0.2"

DEPLOYMENTS = (
    "deploymentID", "locationID", "locationName", "latitude", "longitude", "coordinateUncertainty", "deploymentStart",
    "deploymentEnd", "setupBy", "cameraID", "cameraModel", "cameraDelay", "cameraHeight", "cameraDepth", "cameraTilt",
    "cameraHeading", "detectionDistance", "timestampIssues", "baitUse", "featureType", "habitat", "deploymentGroups",
    "deploymentTags", "deploymentComments",
)  # fmt: skip
MEDIA = (
    "mediaID", "deploymentID", "captureMethod", "timestamp", "filePath", "filePublic", "fileName", "fileMediatype",
    "exifData", "favorite", "mediaComments",
)  # fmt: skip
OBSERVATIONS = (
    "observationID", "deploymentID", "mediaID", "eventID", "eventStart", "eventEnd", "observationLevel",
    "observationType", "cameraSetupType", "scientificName", "count", "lifeStage", "sex", "behavior", "individualID",
    "individualPositionRadius", "individualPositionAngle", "individualSpeed", "bboxX", "bboxY", "bboxWidth",
    "bboxHeight", "classificationMethod", "classifiedBy", "classificationTimestamp", "classificationProbability",
    "observationTags", "observationComments",
)  # fmt: skip
FEATURES = frozenset({
    "roadPaved", "roadDirt", "trailHiking", "trailGame", "roadUnderpass", "roadOverpass", "roadBridge", "culvert",
    "burrow", "nestSite", "carcass", "waterSource", "fruitingTree",
})  # fmt: skip

# Custom tables: name -> (what it is, column -> (type, description)).
Columns = Mapping[str, tuple[str, str]]
_WHO: Columns = {"deploymentID": ("string", "Deployment that the row belongs to.")}
CUSTOM: Mapping[str, tuple[str, Columns]] = {
    "triggers": ("Every wake of every unit: what the PIR, the schedule or a host asked for.", {
        **_WHO,
        "timestamp": ("datetime", "Corrected time of the wake."),
        "reason": ("string", "pir, schedule, host or reset."),
        "triggerAge": ("integer", "Milliseconds from the PIR's edge to the wake."),
        "light": ("number", "Lux, as the supervisor measured."),
        "refused": ("integer", "Triggers refused since the last wake, by a flood, the day's budget, the battery or a rest."),
        "refusedSeconds": ("integer", "Seconds in which triggers were refused since the last wake."),
        "flags": ("string", "What the supervisor complained of, separated by |."),
    }),
    "effort": ("What each unit was doing, from first to last moment without a hole; working time is effort.", {
        **_WHO,
        "start": ("datetime", "Corrected time."),
        "end": ("datetime", "Corrected time."),
        "state": ("string", "working, flooded, over_budget, low_battery, resting, paused, full, obstructed or dead."),
        "days": ("number", "Length."),
    }),
    "battery": ("Battery and temperature at every wake.", {
        **_WHO,
        "timestamp": ("datetime", "Corrected time."),
        "voltage": ("integer", "Millivolts before the load of the camera."),
        "current": ("integer", "Milliamperes."),
        "temperature": ("number", "Degrees Celsius inside the housing."),
        "state": ("string", "Rung of the battery ladder."),
    }),
    "clock": ("How each clock was corrected: offset known at these moments, linear between them.", {
        **_WHO,
        "unitTime": ("datetime", "What the unit's clock said."),
        "offset": ("number", "Seconds to add to it."),
        "drift": ("number", "Rate of the unit's clock over this segment, parts per million, positive when fast."),
        "segment": ("integer", "First journal entry of the segment; a new one begins at every step of the clock."),
        "cause": ("string", "What began the segment."),
    }),
}  # fmt: skip
