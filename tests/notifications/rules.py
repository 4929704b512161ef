"""The form by which the head of an office changes the parameters of the rules about risks."""

from tests.rejected import read

PATH = "/inbox/rules/change"


def fields_of(page: str) -> dict[str, str]:
    """Return what a browser would send of the form that changes the parameters."""
    (form,) = [one for one in read(page).within() if one.attributes.get("action") == PATH]
    found = {}
    for one in form.within():
        name, kind = one.attributes.get("name"), one.attributes.get("type")
        if one.tag == "textarea" and name:
            found[name] = one.text.strip()
        elif one.tag == "input" and name and (kind != "checkbox" or "checked" in one.attributes):
            found[name] = one.attributes.get("value", "")
    return found
