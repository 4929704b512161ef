"""Names the entries of an administrator's menu."""

from services.runtime.web.languages import msgid

ORGANISATION = "/organisation"
FIRST_DAY = "/first-day"
ADMINISTRATION = ((ORGANISATION, msgid("People and roles")), (FIRST_DAY, msgid("First steps")))
