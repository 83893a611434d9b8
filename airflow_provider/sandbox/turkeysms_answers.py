"""How TurkeySMS reads the parameters of a request, and words its answer (`001_89b4df27c045ecf2.txt`)."""

from __future__ import annotations

from collections.abc import Mapping

from airflow_provider.sandbox.php import print_r
from airflow_provider.sandbox.wire import HTML, Answer, Refused

MESSAGES = {
    "TS-1024": "The message was sent successfully",
    "TS-1025": "The mobile number has not been entered. The phone number is empty",
    "TS-1026": "Message text is empty .. No message text has been written",
    "TS-1027": "There is insufficient balance in your account",
    "TS-1028": "Sender ID is not active for your account",
    "TS-1029": "The Sender ID does not exist .. Please make sure you type correctly",
    "TS-1030": "Your account is inactive with the SMS service provider",
    "TS-1031": "The api-key is invalid",
    "TS-1032": "The number to which the message is sent is international outside Turkey. "
    "Your account is not activated for international SMS",
    "TS-1033": "The data sent through the link is incorrect",
    "TS-1034": "The mobile number to which the message was sent is invalid",
    "TS-1040": "operation_success",
    "TS-1046": "operation_success",
    "TS-1050": "Contact key is empty and not written",
    "TS-1051": "Sending title is empty and not written",
    "TS-1052": "Message ID is not written",
    "TS-1060": "Exceeded the limit of the number of messages in the last minute",
    "TS-1061": "Contact key is not active for sending (POST)",
    "TS-1062": "Contact key is not active for sending (GET)",
    "TS-1063": "Checking message status is not active for the contact key",
    "TS-1065": "Checking balance is not active for your account's contact key",
    "TS-1070": "Scheduled Sending - Date not specified or invalid. Please enter a valid date.",
    "TS-1071": "Scheduled Sending - Time not specified or invalid. Please enter a valid time.",
    "TS-1072": "Cannot send a scheduled message with a date or time in the past. "
    "Please check the date and time again.",
}
LANGUAGES = {"0": "English", "1": "Turkish", "2": "Arabic"}
CONTENT_TYPES = {"0": "Transactional", "1": "High Quality", "2": "Advertising"}

# Public clients compare `result` with 'true', with false and with 1: the vendor answers all three forms.
YES_AND_NO: Mapping[str, tuple[object, object]] = {
    "verify": (True, False),
    "send_sms": (True, False),
    "send_sms_get": ("true", "false"),
    "send_sms_multi": (1, 0),
    "send_otp": ("true", "false"),
    "delivery": ("true", "false"),
    "balance": (1, 0),
    "sender_ids": (True, False),
}


class Asked:
    """The parameters of one request, and how it wants to be answered."""

    def __init__(self, operation: str, parameters: Mapping[str, object]) -> None:
        self.operation = operation
        self._parameters = parameters
        self.json = self._read("response_type").lower() == "json"
        # Blank or absent means shown, says a comment in the vendor's samples; 0 and 2 both hide.
        self.detailed = self._read("report") in {"", "1"}

    def _read(self, name: str) -> str:
        value = self._parameters.get(name, "")
        return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""

    def text(self, name: str) -> str:
        """Return a parameter as text, empty if absent; numbers are as good as their digits."""
        value = self._parameters.get(name)
        if value is None or value == "":
            return ""
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise Refused(self.no("TS-1033"))
        return str(value)

    def choice(self, name: str, choices: Mapping[str, str], default: str) -> str:
        """Return a parameter that has to be one of `choices`."""
        value = self.text(name) or default
        if value not in choices:
            raise Refused(self.no("TS-1033"))
        return value

    def yes(self, code: str, details: Mapping[str, object]) -> Answer:
        """Answer that it worked; without a report only the code and its sentence."""
        result = YES_AND_NO[self.operation][0]
        outcome = {"result_code": code, "result_message": MESSAGES[code]}
        if not self.detailed:
            return self._write({"result": result, **outcome})
        # The order of the seed's samples: ids and counts, then the code, then the rest.
        before = (
            "otp_code",
            "sms_id",
            "rapor_id",
            "total_mobile_num",
            "total_has_sent_last_1_min",
            "number_of_sms",
        )
        first = {name: value for name, value in details.items() if name in before}
        rest = {name: value for name, value in details.items() if name not in before}
        return self._write({"result": result, **first, **outcome, **rest})

    def status(self, details: Mapping[str, object]) -> Answer:
        """Answer a status query, which has no result code of its own in the seed's sample."""
        return self._write({"result": YES_AND_NO[self.operation][0], **details})

    def no(self, code: str) -> Answer:
        """Answer that it did not work, and why."""
        return self._write(
            {
                "result": YES_AND_NO[self.operation][1],
                "result_code": code,
                "result_message": MESSAGES[code],
            }
        )

    def _write(self, payload: Mapping[str, object]) -> Answer:
        if self.json:
            return Answer.of_json(200, payload, ascii_only=True)
        return Answer(200, print_r(payload).encode(), HTML)
