"""The ceiling: a bare grpc.aio server that parses a batch of reports and answers with as many receipts, and does nothing else."""

import asyncio
import sys

import grpc
import uvloop
from ballast.intake.v1 import alert_pb2
from ballast.intake.v1 import intake_service_pb2 as pb
from ballast.intake.v1.intake_service_pb2_grpc import IntakeServiceServicer, add_IntakeServiceServicer_to_server

_NAME = "alerts/00000000-0000-7000-8000-000000000000"
_INCIDENT = "incidents/00000000-0000-7000-8000-000000000000"


class Echo(IntakeServiceServicer):  # answers one RPC only
    async def ReportAlerts(self, request: pb.ReportAlertsRequest, context: object) -> pb.ReportAlertsResponse:
        del context
        receipts = [
            alert_pb2.AlertReceipt(alert=_NAME, fingerprint="0" * 32, incident=_INCIDENT, outcome=alert_pb2.REPORT_OUTCOME_OPENED)
            for _ in request.reports
        ]
        return pb.ReportAlertsResponse(receipts=receipts)


async def main() -> None:
    server = grpc.aio.server(options=[("grpc.max_receive_message_length", 64 * 1024 * 1024)])
    add_IntakeServiceServicer_to_server(Echo(), server)  # type: ignore[abstract]
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    sys.stdout.write(f"echo serves on 127.0.0.1:{port}\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(main())
