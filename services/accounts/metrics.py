"""Defines the metrics of sign-in; they count, and name nobody."""

from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter

METHODS = ("passkey", "password", "issuer", "invitation", "demo")
LOCKED = ("account", "source")


@dataclass(frozen=True, slots=True)
class SignInMetrics:
    """Counts sessions by how they began, and lockouts by what was locked."""

    sign_ins: Counter
    failures: Counter
    lockouts: Counter

    @classmethod
    def on(cls, registry: CollectorRegistry) -> "SignInMetrics":
        """Register the metrics."""
        sign_ins = Counter(
            "kurslotse_sign_ins", "Sessions begun, by how people signed in.", ["method"], registry=registry
        )
        failures = Counter("kurslotse_sign_in_failures", "Sign-ins that were refused.", registry=registry)
        lockouts = Counter(
            "kurslotse_sign_in_lockouts",
            "Times that an account or a source had failed so often that it has to wait.",
            ["about"],
            registry=registry,
        )
        for method in METHODS:
            sign_ins.labels(method=method)
        for about in LOCKED:
            lockouts.labels(about=about)
        return cls(sign_ins, failures, lockouts)

    def signed_in(self, method: str) -> None:
        """Count a session that began."""
        self.sign_ins.labels(method=method).inc()
