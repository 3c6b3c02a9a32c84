"""The Helm chart renders what Kubernetes accepts, and what the gateway can be served with."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from apientreprise_gateway import __version__
from apientreprise_gateway.cli.main import make_parser
from apientreprise_gateway.documents import links
from apientreprise_gateway.gateway.settings import environment_name, fields_of
from apientreprise_gateway.portal.settings import Settings
from apientreprise_gateway.portal.settings import Settings as PortalSettings
from apientreprise_gateway.providers.products import PRODUCTS
from support import programs
from support.certificates import Authority
from support.tokens import SECRET

CHART = Path(__file__).resolve().parents[2] / "deploy" / "helm" / "apientreprise-gateway"
OLDEST, NEWEST = "1.25", "1.37"
"""The versions of Kubernetes whose schemas the objects are held against."""
LEAST = {
    "secret": {"values": {"GATEWAY_JWT_SECRETS": SECRET, "GATEWAY_REDIS_URL": "redis://redis:6379"}},
    "settings": {"documents": "s3://bucket/prefix", "upstream_url": "https://providers.example"},
}
"""The values without which there is nothing to serve."""
MOST = {
    **LEAST,
    "settings": {
        "upstream_url": "https://providers.example",
        "trusted_proxies": "10.0.0.0/8",
        "drain_delay": 7.5,
        "limit_ip": 1_000_000,
        "metrics_port": 9102,
    },
    "toml": "[providers.insee]\ntimeout = 5\n",
    "tls": {"secret": "certificate"},
    "workers": 2,
    "documents": {"claim": "documents"},
    "imagePullSecrets": [{"name": "mirror"}],
    "ingress": {
        "enabled": True,
        "host": "api.example",
        "className": "nginx",
        "tlsSecret": "tls",
        "annotations": {"a": "b"},
    },
    "autoscaling": {"enabled": False},
    "replicas": 3,
    "journal": {"enabled": True, "secret": "follower", "ownerSecret": "owner", "keepMonths": 40},
    "serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}},
    "networkPolicy": {
        "callers": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "ingress-nginx"}}}],
        "scrapers": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}],
        "redis": [{"podSelector": {"matchLabels": {"app": "redis"}}}],
    },
    "nodeSelector": {"kubernetes.io/arch": "amd64"},
    "tolerations": [{"key": "a", "operator": "Exists"}],
    "affinity": {"nodeAffinity": {}},
    "extraVolumes": [{"name": "certificates", "secret": {"secretName": "certificates"}}],
    "extraVolumeMounts": [{"name": "certificates", "mountPath": "/certificates"}],
    "podAnnotations": {"a": "b"},
    "podLabels": {"c": "d"},
    "serviceAccount": {"annotations": {"a": "b"}},
    "service": {"annotations": {"a": "b"}},
}
"""Values that use everything."""

Objects = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def helm() -> Any:
    """Helm itself, as a library."""
    return pytest.importorskip("helm_python", reason="`make check` installs Helm as a library")


def _rendered(helm: Any, values: dict[str, Any]) -> Objects:
    """The objects of a release, by kind; those of a second one of a kind by kind and name."""
    with helm.Chart.load(CHART) as chart:
        files: dict[str, str] = chart.render(values, name="demo", namespace="prod")
    objects = [
        each
        for name, text in files.items()
        if name.endswith(".yaml")
        for each in yaml.safe_load_all(text)
        if each is not None
    ]
    found: Objects = {}
    for each in objects:
        kind = each["kind"]
        found[kind if kind not in found else f"{kind} {each['metadata']['name']}"] = each
    return found


@pytest.fixture(params=["least", "most"])
def objects(helm: Any, request: pytest.FixtureRequest) -> Objects:
    """What is rendered from few values, and from many."""
    return _rendered(helm, {"least": LEAST, "most": MOST}[request.param])


def _pod(objects: Objects) -> dict[str, Any]:
    pod: dict[str, Any] = objects["Deployment"]["spec"]["template"]["spec"]
    return pod


def _environment(objects: Objects) -> dict[str, str]:
    container = _pod(objects)["containers"][0]
    named = {each["name"]: each["value"] for each in container.get("env", ())}
    secret: dict[str, str] = objects["Secret"]["stringData"]
    settings: dict[str, str] = objects["ConfigMap"]["data"]
    return settings | secret | named


def _pods_of_owner(objects: Objects) -> list[dict[str, Any]]:
    """Those that change the journal's tables."""
    jobs = [objects["Job"]["spec"]] if "Job" in objects else []
    jobs += [objects["CronJob"]["spec"]["jobTemplate"]["spec"]] if "CronJob" in objects else []
    return [job["template"]["spec"] for job in jobs]


def test_helm_finds_no_fault(helm: Any) -> None:
    """Helm's own linter warns of nothing."""
    for values in (LEAST, MOST):
        report = helm.lint(CHART, values, strict=True)
        assert [each for each in report["messages"] if each["severity"] > 1] == []
        assert report["errors"] == []


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
def test_kubernetes_knows_every_field(objects: Objects, version: str) -> None:
    """Every object fits the schemas of Kubernetes, from the oldest version that the chart names to the newest."""
    kubernetes = pytest.importorskip("kubernetes_validate", reason="`make check` installs the schemas of Kubernetes")
    for each in objects.values():
        if each["kind"] != "ServiceMonitor":  # Prometheus Operator's
            kubernetes.validate(each, version, strict=True)
    assert f">={OLDEST}." in yaml.safe_load((CHART / "Chart.yaml").read_text())["kubeVersion"]


def test_everything_is_rendered(helm: Any) -> None:
    """Each kind is there when it is asked for, and only then."""
    always = {"ConfigMap", "Secret", "ServiceAccount", "Deployment", "Service", "PodDisruptionBudget", "NetworkPolicy"}
    assert set(_rendered(helm, LEAST)) == always | {"HorizontalPodAutoscaler"}
    further = {"Ingress", "ServiceMonitor", "ConfigMap demo-apientreprise-gateway-toml", "Job", "CronJob"}
    assert set(_rendered(helm, MOST)) == always | further
    given = _rendered(helm, {**LEAST, "secret": {"existing": "mine"}})
    assert "Secret" not in given
    assert {"secretRef": {"name": "mine"}} in _pod(given)["containers"][0]["envFrom"]


def test_the_gateway_can_be_served_as_configured(objects: Objects, tmp_path: Path) -> None:
    """The variables of a pod are settings that `check` accepts, its arguments a command of ours."""
    environment = _environment(objects)
    known = {environment_name(field) for field in fields_of(PRODUCTS)} | {"GATEWAY_CONFIG"}
    assert set(environment) <= known
    mounts = {mount["mountPath"]: mount for mount in _pod(objects)["containers"][0]["volumeMounts"]}
    if "GATEWAY_CONFIG" in environment:
        path = Path(environment["GATEWAY_CONFIG"])
        assert mounts[str(path.parent)]["readOnly"] is True
        content = objects["ConfigMap demo-apientreprise-gateway-toml"]["data"][path.name]
        (tmp_path / path.name).write_text(content)
        environment["GATEWAY_CONFIG"] = str(tmp_path / path.name)
        assert str(Path(environment["GATEWAY_DOCUMENTS"]).parent) in mounts
    environment["GATEWAY_DOCUMENTS"] = str(tmp_path / "documents")
    if "GATEWAY_ACCESS_LOG" in environment:
        environment["GATEWAY_ACCESS_LOG"] = str(tmp_path / "access.log")
    if "GATEWAY_TLS_CERTIFICATE" in environment:
        shown = Authority(tmp_path).sign("server")
        for name, file in (("GATEWAY_TLS_CERTIFICATE", shown.certificate), ("GATEWAY_TLS_KEY", shown.key)):
            path = Path(environment[name])
            assert mounts[str(path.parent)]["readOnly"] is True
            environment[name] = str(file)
    checked = programs.run(
        "check", **{name.removeprefix("GATEWAY_").lower(): environment[name] for name in environment}
    )
    assert checked.returncode == 0, checked.stderr
    options = make_parser().parse_args(_pod(objects)["containers"][0]["args"])
    ports = {port["name"]: port["containerPort"] for port in _pod(objects)["containers"][0]["ports"]}
    assert (options.host, options.port) == ("0.0.0.0", ports.pop("http"))
    assert [str(port) for port in ports.values()] == [
        environment[name] for name in ("GATEWAY_METRICS_PORT",) if name in environment
    ]


def test_scrapers_have_a_port_of_their_own_if_there_is_one(helm: Any) -> None:
    """Service, monitor and network policy lead scrapers to the metrics' port, and callers to the other."""
    ours = {"serviceMonitor": {"enabled": True}, "networkPolicy": MOST["networkPolicy"]}
    secured = {**LEAST, "tls": {"secret": "certificate"}}
    for values, port, scheme in ((LEAST, "http", None), (secured, "http", "https"), (MOST, "metrics", None)):
        objects = _rendered(helm, {**values, **ours})
        assert port in {each["name"] for each in objects["Service"]["spec"]["ports"]}
        endpoint = objects["ServiceMonitor"]["spec"]["endpoints"][0]
        assert endpoint["port"] == port
        assert endpoint.get("scheme") == scheme
        callers, scrapers = objects["NetworkPolicy"]["spec"]["ingress"]
        assert callers["ports"] == [{"protocol": "TCP", "port": "http"}]
        followers = [{"protocol": "TCP", "port": "journal"}] if values is MOST else []
        assert scrapers["ports"] == [{"protocol": "TCP", "port": port}, *followers]


def test_a_number_stays_a_number(helm: Any) -> None:
    """A million is not written as 1e+06, which is no number to a setting."""
    assert _environment(_rendered(helm, MOST))["GATEWAY_LIMIT_IP"] == "1000000"


def test_a_pod_has_no_rights(objects: Objects) -> None:
    """A pod is not root, cannot become it, writes to its volumes alone, and is told nothing of the cluster."""
    text = (CHART.parents[2] / "Dockerfile").read_text()
    for pod in (_pod(objects), *_pods_of_owner(objects)):
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in pod["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert {"requests", "limits"} <= set(container["resources"])
        assert pod["automountServiceAccountToken"] is False
        assert pod["enableServiceLinks"] is False
        assert f"USER {pod['securityContext']['runAsUser']}:{pod['securityContext']['runAsGroup']}" in text


def test_a_pod_is_given_the_time_to_stop(objects: Objects) -> None:
    """It is not killed before it has drained, and balancers notice that it goes while it still takes calls."""
    environment, pod = _environment(objects), _pod(objects)
    drain = float(environment["GATEWAY_DRAIN_DELAY"])
    stop = float(environment.get("GATEWAY_STOP_TIMEOUT", fields_of(PRODUCTS)["stop_timeout"].default))
    assert pod["terminationGracePeriodSeconds"] >= drain + stop + 5
    assert "lifecycle" not in pod["containers"][0]
    probe = pod["containers"][0]["readinessProbe"]
    assert probe["periodSeconds"] * probe["failureThreshold"] <= drain


def test_probes_ask_what_they_mean(objects: Objects) -> None:
    """A pod that is not ready is not killed: liveness asks whether it answers, readiness whether calls can be."""
    container = _pod(objects)["containers"][0]
    paths = {probe: container[f"{probe}Probe"]["httpGet"]["path"] for probe in ("startup", "liveness", "readiness")}
    assert paths == {"startup": "/livez", "liveness": "/livez", "readiness": "/readyz"}


def test_whoever_asks_a_pod_speaks_as_it_does(objects: Objects) -> None:
    """Where the gateway speaks TLS, with the keys of a Secret of type kubernetes.io/tls, probes and scrapes do too."""
    secured = "GATEWAY_TLS_CERTIFICATE" in _environment(objects)
    container = _pod(objects)["containers"][0]
    schemes = {container[f"{probe}Probe"]["httpGet"]["scheme"] for probe in ("startup", "liveness", "readiness")}
    assert schemes == {"HTTPS" if secured else "HTTP"}
    if secured:
        names = {Path(_environment(objects)[f"GATEWAY_TLS_{each}"]).name for each in ("CERTIFICATE", "KEY")}
        assert names == {"tls.crt", "tls.key"}
        (volume,) = [each for each in _pod(objects)["volumes"] if each["name"] == "tls"]
        assert volume["secret"]["secretName"] == "certificate"
    if "ServiceMonitor" in objects:
        endpoint = objects["ServiceMonitor"]["spec"]["endpoints"][0]
        assert (endpoint.get("scheme") == "https") is (secured and endpoint["port"] == "http")


def test_objects_mean_each_other(objects: Objects) -> None:
    """What selects pods selects those of the deployment, at a port that they have."""
    template = objects["Deployment"]["spec"]["template"]
    labels = template["metadata"]["labels"].items()
    selectors = [
        objects["Deployment"]["spec"]["selector"]["matchLabels"],
        objects["Service"]["spec"]["selector"],
        objects["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"],
        objects["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"],
    ]
    assert all(selector and selector.items() <= labels for selector in selectors)
    ports = {port["name"] for each in template["spec"]["containers"] for port in each["ports"]}
    assert {port["targetPort"] for port in objects["Service"]["spec"]["ports"]} <= ports
    for incoming in objects["NetworkPolicy"]["spec"]["ingress"]:
        assert {port["port"] for port in incoming["ports"]} <= ports
        assert incoming["from"], "an empty list would let everybody in"
    if "HorizontalPodAutoscaler" in objects:
        target = objects["HorizontalPodAutoscaler"]["spec"]["scaleTargetRef"]
        assert (target["kind"], target["name"]) == ("Deployment", objects["Deployment"]["metadata"]["name"])
        assert "replicas" not in objects["Deployment"]["spec"]
    if "ServiceMonitor" in objects:
        watched = objects["ServiceMonitor"]["spec"]["selector"]["matchLabels"]
        assert watched.items() <= objects["Service"]["metadata"]["labels"].items()
        watched_ports = {endpoint["port"] for endpoint in objects["ServiceMonitor"]["spec"]["endpoints"]}
        assert watched_ports <= {port["name"] for port in objects["Service"]["spec"]["ports"]}


def test_a_follower_stores_what_the_gateway_writes(helm: Any) -> None:
    """The same file, under its own role; it outlives the gateway, whose pod takes the file along."""
    objects = _rendered(helm, MOST)
    gateway, follower = _pod(objects)["containers"]
    options = make_parser().parse_args(follower["args"])
    assert [str(file) for file in options.files] == [_environment(objects)["GATEWAY_ACCESS_LOG"]]
    folder = str(options.files[0].parent)
    (volume,) = {
        mount["name"] for each in (gateway, follower) for mount in each["volumeMounts"] if mount["mountPath"] == folder
    }
    assert {"name": volume, "emptyDir": {"sizeLimit": "5Gi"}} in _pod(objects)["volumes"]
    assert follower["envFrom"] == [{"secretRef": {"name": "follower"}}]
    named = {each["name"]: each["value"] for each in follower["env"]}
    assert set(named) <= {f"PORTAL_{name.upper()}" for name in Settings.model_fields}
    assert int(named["PORTAL_METRICS_PORT"]) == follower["ports"][0]["containerPort"]
    waits = float(follower["lifecycle"]["preStop"]["exec"]["command"][1])
    environment = _environment(objects)
    stop = float(environment.get("GATEWAY_STOP_TIMEOUT", fields_of(PRODUCTS)["stop_timeout"].default))
    assert waits >= float(environment["GATEWAY_DRAIN_DELAY"]) + stop
    assert _pod(objects)["terminationGracePeriodSeconds"] >= waits + 5


def test_the_owner_of_the_tables_migrates_and_purges(helm: Any) -> None:
    """In pods that no Service finds, before an upgrade and each night."""
    objects = _rendered(helm, MOST)
    commands = []
    for pod in _pods_of_owner(objects):
        (container,) = pod["containers"]
        make_parser().parse_args(container["args"])
        commands.append(container["args"])
        assert container["envFrom"] == [{"secretRef": {"name": "owner"}}]
        assert {each["name"]: each["value"] for each in container["env"]} == {"PORTAL_KEEP_CALLS_MONTHS": "40"}
    assert commands == [["portal", "migrate"], ["journal", "purge"]]
    labels = objects["Job"]["spec"]["template"]["metadata"]["labels"]
    assert not objects["Service"]["spec"]["selector"].items() <= labels.items()
    without = _rendered(helm, {**MOST, "journal": {"enabled": True, "secret": "follower"}})
    assert _pods_of_owner(without) == []


def test_the_portal_is_rendered_when_asked_for(helm: Any) -> None:
    """Its arguments are a command of ours, its variables settings; its own Service finds its pods."""
    portal = {
        "enabled": True,
        "url": "https://portail.example",
        "secret": "portal",
        "settings": {"operators": "a@b.fr"},
    }
    objects = _rendered(helm, {**MOST, "portal": portal})
    spec = objects["Deployment demo-apientreprise-gateway-portal"]["spec"]
    (container,) = spec["template"]["spec"]["containers"]
    options = make_parser().parse_args(container["args"])
    assert {"name": "http", "containerPort": options.port} in container["ports"]
    names = {each["name"].removeprefix("PORTAL_").lower() for each in container["env"]}
    assert names <= set(PortalSettings.model_fields)
    labels = spec["template"]["metadata"]["labels"]
    assert objects["Service demo-apientreprise-gateway-portal"]["spec"]["selector"] == labels
    assert not objects["Service"]["spec"]["selector"].items() <= labels.items()
    kubernetes = pytest.importorskip("kubernetes_validate", reason="`make check` installs the schemas of Kubernetes")
    for name in ("Deployment", "Service"):
        kubernetes.validate(objects[f"{name} demo-apientreprise-gateway-portal"], NEWEST, strict=True)


def test_the_ingress_has_what_callers_need(helm: Any) -> None:
    """Every endpoint, the links to documents and the documentation can be reached; what is for the inside cannot."""
    rule = _rendered(helm, MOST)["Ingress"]["spec"]["rules"][0]
    prefixes = [path["path"] for path in rule["http"]["paths"]]

    def is_let_in(path: str) -> bool:
        return any(path == prefix or path.startswith(f"{prefix}/") for prefix in prefixes)

    for product in PRODUCTS:
        own = [endpoint.path for endpoint in (*product.endpoints, *product.itself.endpoints)]
        pages = [
            *(each.path for each in product.specifications),
            product.errors,
            product.pings.index,
            *(page.path for page in product.privileges),
        ]
        assert all(is_let_in(path) for path in (*own, *pages, *product.gone, product.pings.one))
    assert all(map(is_let_in, ("/docs", "/docs/assets/x.js", "/catalogue.json", f"{links.PREFIX}x", "/v2/ping")))
    assert not any(is_let_in(path) for path in ("/metrics", "/livez", "/readyz", "/"))


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({}, "GATEWAY_JWT_SECRETS: no key"),
        ({"secret": {"values": {"GATEWAY_JWT_SECRETS": SECRET}}}, "without Redis"),
        ({"secret": {"existing": "mine"}}, "settings.documents"),
        ({**LEAST, "settings": {"documents": "s3://b", "jwt_secrets": SECRET}}, "settings.jwt_secrets"),
        ({**LEAST, "settings": {"documents": "s3://b", "redis_url": "redis://:p@r"}}, "with a password"),
        ({**LEAST, "settings": {"documents": "s3://b", "LIMIT_IP": 5}}, "LIMIT_IP"),
        ({**LEAST, "settings": {"documents": "s3://b", "tls_key": "/k"}}, "settings.tls_key"),
        ({**LEAST, "journal": {"enabled": True}}, "journal.secret"),
        (
            {
                **LEAST,
                "settings": {"documents": "s3://b", "access_log": "/l"},
                "journal": {"enabled": True, "secret": "s"},
            },
            "settings.access_log",
        ),
        (
            {
                **LEAST,
                "settings": {"documents": "s3://b", "metrics_port": 9101},
                "journal": {"enabled": True, "secret": "s"},
            },
            "journal.metricsPort",
        ),
        ({**LEAST, "replica": 3}, "replica"),
        ({**LEAST, "replicas": 0}, "replicas"),
        ({**LEAST, "ingress": {"enabled": True}}, "ingress.host"),
    ],
)
def test_values_that_could_not_work_are_refused(helm: Any, values: dict[str, Any], complaint: str) -> None:
    """What would come out only when pods fail is said before anything is installed, with the name of the value."""
    with helm.Chart.load(CHART) as chart, pytest.raises(helm.HelmError, match=complaint):
        chart.render(values, name="demo")


def test_its_version_is_ours() -> None:
    """The chart installs the version that it comes with."""
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert chart["appVersion"] == __version__
