"""Names the entry of an administrator's menu."""

from services.runtime.web.languages import msgid

ORGANISATION = "/organisation"
ADMINISTRATION = ((ORGANISATION, msgid("People and roles")),)
