"""Holds the texts about the form and the envelope of an event."""

from collections.abc import Mapping

from services.gateway.findings.domain import Advice

ENVELOPE: Mapping[str, Advice] = {
    "attribute_malformed": Advice(
        "The CloudEvents attribute {field} is not a text.",
        "Send every attribute as a JSON string.",
    ),
    "attribute_dropped": Advice(
        "The attribute {field} was left out because it is not an opaque id.",
        "Use at most 64 letters, digits and . _ : / - with at least one digit, for instance a UUID.",
    ),
    "attribute_missing": Advice(
        "The CloudEvents attribute {field} is missing.",
        "Add it: every event needs specversion, id and type.",
    ),
    "attribute_unusable": Advice(
        "The attribute {field} holds control characters or is longer than {max_length} characters.",
        "Send it without line ends and the like, and shorter.",
    ),
    "batch_malformed": Advice(
        "The batch is not a JSON list of events.",
        "Send a JSON list of CloudEvents in structured form.",
    ),
    "batch_too_long": Advice(
        "The batch holds more than {max_events} events.",
        "Split it and send the parts one after another.",
    ),
    "content_type_unknown": Advice(
        "The Content-Type is none that this door reads.",
        "Use application/json with ce- headers, application/cloudevents+json or"
        " application/cloudevents-batch+json.",
    ),
    "corrects_and_retracts": Advice(
        "The event both corrects and retracts another one.",
        "Decide: use ce_corrects to replace an event, ce_retracts to take it back.",
    ),
    "data_missing": Advice("The event has no data.", "Send the data of the event as JSON."),
    "data_too_large": Advice(
        "The data of the event is larger than {max_bytes} bytes.",
        "Split the event, for instance into several course days.",
    ),
    "header_malformed": Advice(
        "The header {field} cannot be read.",
        "Send attributes percent-encoded in UTF-8, as CloudEvents over HTTP asks.",
    ),
    "header_not_utf8": Advice("The header {field} is not UTF-8.", "Send headers in UTF-8."),
    "id_malformed": Advice(
        "{field} is not a usable id.",
        "Use 1 to 128 visible ASCII characters without spaces, for instance a UUID.",
    ),
    "id_reused": Advice(
        "This id was already used for other content.",
        "Send the same content for a repetition, a new id for something new, and ce_corrects to correct.",
    ),
    "data_twice": Advice("The event has both data and data_base64.", "Send one of the two."),
    "field_twice": Advice(
        "An object names the same field twice.", "Send each field once: readers would take one or the other."
    ),
    "header_twice": Advice("The header {field} was sent twice.", "Send each attribute once."),
    "json_malformed": Advice(
        "The data is not valid JSON.", "Check brackets, quotes and the encoding (UTF-8)."
    ),
    "json_too_deep": Advice(
        "The data is nested too deeply.", "No event needs that: check the program that writes it."
    ),
    "number_not_canonical": Advice(
        "A number is too large or not a number.",
        "Use numbers between -9007199254740991 and 9007199254740991; send ids as text.",
    ),
    "specversion_unknown": Advice("The CloudEvents version is unknown.", "Set specversion to 1.0."),
    "time_malformed": Advice(
        "The time of the event cannot be read.",
        "Write it with an offset, for instance 2027-01-11T08:30:00+01:00.",
    ),
    "too_large": Advice(
        "The request is larger than {max_bytes} bytes.", "Split it and send the parts one after another."
    ),
    "not_allowed": Advice(
        "You may not send events of this type.",
        "Check the type; if it is right, ask the Kreis to allow it for your organisation.",
    ),
    "type_unknown": Advice(
        "The event type is unknown.",
        "Check the spelling and the version, for instance de.kurslotse.course-announced.v1.",
    ),
}

FIELDS: Mapping[str, Advice] = {
    "code_unknown": Advice(
        "The code in {field} is on no list yet.",
        "It was taken as it is. Check the spelling; if it is right, ask for the code to be added.",
    ),
    "date_too_early": Advice(
        "The day in {field} lies before {earliest}.",
        "Correct it and send the event again with a new id.",
    ),
    "date_too_late": Advice(
        "The day in {field} lies more than ten years ahead (after {latest}).",
        "Correct it and send the event again with a new id. If the end is open, leave the field out;"
        " for a course name the last day that is planned.",
    ),
    "field_invalid": Advice(
        "The value of {field} is not allowed.",
        "Correct it ({rule}) and send the event again with a new id.",
    ),
    "field_missing": Advice(
        "The field {field} is missing.", "Add it and send the event again with a new id."
    ),
    "time_with_offset": Advice(
        "The time of day in {field} has an offset or a Z.",
        "Send the local time of the course as HH:MM, for instance 08:30, and the event with a new id.",
    ),
    "field_unknown": Advice(
        "There is a field in {field} that is not part of this event; it was left out.",
        "Check the spelling. Names, birth dates and contact data belong to the registration form only.",
    ),
}
