"""JupyterHub with a container for each learner, by DockerSpawner, on one machine.

    pip install jupyterhub dockerspawner
    jupyterhub --config deploy/jupyterhub_config.py

The image comes from deploy/Containerfile. Who may log in (c.JupyterHub.authenticator_class) and the
address that learners visit (c.JupyterHub.bind_url) are yours to add.
"""

from pathlib import Path

c = get_config()  # type: ignore[name-defined]  # noqa: F821

c.JupyterHub.spawner_class = "docker"
c.DockerSpawner.image = "sockutils-hub"
c.DockerSpawner.remove = True  # a stopped container holds nothing: what lasts is in the volume
c.DockerSpawner.volumes = {"sockutils-{username}": "/home/learner"}
c.DockerSpawner.notebook_dir = "/home/learner/notebooks"
c.DockerSpawner.default_url = "/lab/tree/00_start_here.ipynb"
c.DockerSpawner.mem_limit = "1G"  # CLASSROOM.md, "Memory and time"

# The containers call the hub at this address: the default bridge's end on this machine. The hub
# calls them at 127.0.0.1, where Docker publishes their ports.
c.JupyterHub.hub_ip = "172.17.0.1"

# What each option is for: compose.yaml. Docker's API wants the profile itself, not its path.
SECCOMP = Path(__file__).with_name("seccomp.json").read_text()
c.DockerSpawner.extra_host_config = {
    "init": True,
    "cap_drop": ["ALL"],
    "security_opt": ["no-new-privileges:true", f"seccomp={SECCOMP}", "apparmor=unconfined"],
    "devices": ["/dev/net/tun"] if Path("/dev/net/tun").exists() else [],
}
# This is what Docker's client means by systempaths=unconfined.
c.DockerSpawner.extra_create_kwargs = {"host_config": {"MaskedPaths": [], "ReadonlyPaths": []}}
