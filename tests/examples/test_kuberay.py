"""The manifest has fields that KubeRay documents (ray.io/v1, RayClusterSpec), and no others."""

from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
SPEC = {"rayVersion", "enableInTreeAutoscaling", "autoscalerOptions", "headGroupSpec"}
SPEC |= {"workerGroupSpecs", "headServiceAnnotations", "suspend"}
AUTOSCALER = {"resources", "image", "imagePullPolicy", "env", "envFrom", "volumeMounts"}
AUTOSCALER |= {"securityContext", "idleTimeoutSeconds", "upscalingMode"}
HEAD = {"serviceType", "headService", "enableIngress", "rayStartParams", "template"}
WORKERS = {"groupName", "replicas", "minReplicas", "maxReplicas", "numOfHosts", "scaleStrategy"}
WORKERS |= {"rayStartParams", "template"}


@pytest.fixture(scope="module")
def documents():
    text = (ROOT / "examples" / "kuberay.yaml").read_text(encoding="utf-8")
    return {document["kind"]: document for document in yaml.safe_load_all(text)}


def test_fields_are_those_of_the_custom_resource(documents):
    cluster = documents["RayCluster"]
    assert cluster["apiVersion"] == "ray.io/v1"
    spec = cluster["spec"]
    assert set(spec) <= SPEC
    assert set(spec["autoscalerOptions"]) <= AUTOSCALER
    assert spec["autoscalerOptions"]["upscalingMode"] in ("Default", "Aggressive", "Conservative")
    assert set(spec["headGroupSpec"]) <= HEAD
    for group in spec["workerGroupSpecs"]:
        assert set(group) <= WORKERS
        assert group["minReplicas"] <= group["replicas"] <= group["maxReplicas"]
    for group in (spec["headGroupSpec"], *spec["workerGroupSpecs"]):
        assert all(isinstance(value, str) for value in group["rayStartParams"].values())


def test_it_grows_and_shrinks(documents):
    spec = documents["RayCluster"]["spec"]
    assert spec["enableInTreeAutoscaling"] is True
    assert any(group["minReplicas"] < group["maxReplicas"] for group in spec["workerGroupSpecs"])


def test_all_pods_have_the_run_folder_at_the_same_path(documents):
    spec = documents["RayCluster"]["spec"]
    claim = documents["PersistentVolumeClaim"]
    assert claim["spec"]["accessModes"] == ["ReadWriteMany"]
    for group in (spec["headGroupSpec"], *spec["workerGroupSpecs"]):
        pod = group["template"]["spec"]
        (volume,) = pod["volumes"]
        assert volume["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"]
        for container in pod["containers"]:
            assert container["volumeMounts"] == [{"mountPath": "/runs", "name": volume["name"]}]


def test_ray_is_the_version_that_is_tested(documents):
    constraints = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    assert f"ray=={documents['RayCluster']['spec']['rayVersion']}" in constraints
