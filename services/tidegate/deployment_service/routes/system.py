"""The installation: whether the ledger holds, who calls."""

from fastapi import APIRouter
from starlette.responses import Response

from tidegate.core.access import EVERYWHERE, Role
from tidegate.deployment_service.calls import ReadCall, respond
from tidegate.deployment_service.doctor import examine, healthy
from tidegate.deployment_service.routes import READ
from tidegate.schemas import responses as out
from tidegate.store import ledger

router = APIRouter(tags=["system"])


@router.get(
    "/ledger/verify", operation_id="verifyLedger", response_model=out.LedgerState, responses=READ
)
def verify(caller: ReadCall) -> Response:
    """Compute every hash of every chain again."""
    with caller.services.store.read() as tx:
        match ledger.verify(tx):
            case ledger.Verified(count, head):
                return respond(out.LedgerState(intact=True, entries=count, head=head))
            case ledger.Broken(chain, seq, message):
                return respond(
                    out.LedgerState(
                        intact=False, broken=out.BrokenChain(chain=chain, seq=seq, detail=message)
                    )
                )


@router.get("/doctor", operation_id="doctor", response_model=out.DoctorOut, responses=READ)
def doctor(caller: ReadCall) -> Response:
    """What the installation has, what is missing, and what nobody may look at; each with the way
    out."""
    with caller.services.store.read() as tx:
        facts = examine(tx, caller.services.settings.worker_timeout)
    checks = [
        out.CheckOut(
            name=f.name, state=f.state, detail=f.detail, remediation=f.way_out, needed=f.needed
        )
        for f in facts
    ]
    return respond(out.DoctorOut(ok=healthy(facts), checks=checks))


@router.get("/whoami", operation_id="whoAmI", response_model=out.WhoAmI, responses=READ)
def who_am_i(caller: ReadCall) -> Response:
    """The caller."""
    principal = caller.principal
    known = caller.services.settings.tenants
    granted = {grant.namespace: principal.role_in(grant.namespace) for grant in principal.grants}
    grants = {namespace: role for namespace, role in sorted(granted.items()) if role is not None}
    roles = sorted(set(grants.values()), key=list(Role).index)
    if EVERYWHERE in grants:
        tenants = list(known)
    else:
        tenants = [grant for grant in grants if not known or grant in known]
    return respond(out.WhoAmI(name=principal.name, roles=roles, tenants=tenants, grants=grants))
