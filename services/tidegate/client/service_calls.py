"""Calls about the service, its tenants and its ledger."""

from collections.abc import Mapping
from typing import Any

from tidegate.client.calling import API, PLAIN, Calls, Options, part
from tidegate.schemas import responses as out


class ServiceCalls(Calls):
    """Calls about the service, its tenants and its ledger."""

    def whoami(self) -> out.WhoAmI:
        """Who the token stands for, and its tenants."""
        return self._get(out.WhoAmI, "/whoami")

    def log_in(self, username: str, password: str) -> out.AccessToken:
        """A token of a local user; needs no token."""
        return self._read(
            out.AccessToken.model_validate,
            self._http.call(
                "POST", f"{API}/auth/token", {"username": username, "password": password}
            ),
        )

    def verify(self, namespace: str, role: str) -> out.VerifiedOut:
        """Whether the caller has this role there; raises ApiProblem (403) and has it recorded where
        not."""
        return self._get(out.VerifiedOut, f"/auth/verify/{part(namespace)}/{part(role)}")

    def version(self) -> out.Version:
        """What runs there; needs no token."""
        return self._read(out.Version.model_validate, self._http.call("GET", "/version"))

    def readiness(self) -> out.Readiness:
        """Its checks; raises ApiProblem (503) when it is not ready. Needs no token."""
        return self._read(
            out.Readiness.model_validate,
            self._http.call("GET", "/readyz", params={"verbose": True}),
        )

    def verify_ledger(self) -> out.LedgerState:
        """Whether every chain of the ledger still holds."""
        return self._get(out.LedgerState, "/ledger/verify")

    def doctor(self) -> out.DoctorOut:
        """What the installation has, and what it lacks."""
        return self._get(out.DoctorOut, "/doctor")

    def strategies(self) -> out.StrategiesOut:
        """What a rollout may be started with: strategies, default plans, fields."""
        return self._get(out.StrategiesOut, "/strategies")

    def tenant(self, namespace: str) -> out.TenantOut:
        """What a tenant's specs may name."""
        return self._get(out.TenantOut, f"/tenants/{part(namespace)}")

    def put_tenant_mode(
        self, namespace: str, body: Mapping[str, Any], options: Options = PLAIN
    ) -> out.TenantChange:
        """Put a tenant into trial, or take it out."""
        path = f"/tenants/{part(namespace)}/mode"
        return self._change(out.TenantChange, "PUT", path, body, options)

    def put_tenant_acceptance(
        self, namespace: str, body: Mapping[str, Any], options: Options = PLAIN
    ) -> out.TenantChange:
        """Say which stated bounds a tenant accepts by itself."""
        path = f"/tenants/{part(namespace)}/acceptance"
        return self._change(out.TenantChange, "PUT", path, body, options)

    def trial_report(
        self, namespace: str | None = None, since: str | None = None
    ) -> out.TrialReportOut:
        """What came of rollouts in trial. since: ISO 8601."""
        return self._get(out.TrialReportOut, "/reports/trial", namespace=namespace, since=since)

    def put_tenant(
        self, namespace: str, body: Mapping[str, Any], options: Options = PLAIN
    ) -> out.TenantChange:
        """Say it; for administrators."""
        return self._change(out.TenantChange, "PUT", f"/tenants/{part(namespace)}", body, options)
