"""The ruler checked without us: the app straight into Jaeger, so that a failing query elsewhere is the relay's doing and not the query's."""

from test_delivery import ids


def test_the_app_straight_into_jaeger_is_found_by_every_query(jaeger, app):
    before = jaeger.arrived()
    run = app(f"http://{jaeger.otlp}", traces=150, seed="direct", service="direct-api")
    told = run.done()
    assert run.complaints() == ""

    def find(**query):
        return jaeger.find("direct-api", run.start_ns, run.end_ns, **query)

    assert {i: len(s) for i, s in find().items()} == {t["trace"]: t["spans"] for t in told}
    assert set(find(tags={"error": "true"})) == ids(told, error=True)
    assert set(find(minDuration="500ms")) == ids(told, slow=True)
    assert set(find(operation="health_check", tags={"health.status": "ok"})) == ids(told, kind="health")
    assert set(find(tags={"prediction.user_id": "user-0777"})) == ids(told, user="user-0777")
    assert jaeger.arrived() - before == sum(t["spans"] for t in told)
