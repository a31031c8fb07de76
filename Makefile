# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

SHELL := /bin/bash
.DEFAULT_GOAL := help
# Targets share one lab: one after the other. Only the parts of `test` and `check`, of which each has its own, run two at a time.
ifndef TOGETHER
.NOTPARALLEL:
endif
MAKEFLAGS += --no-print-directory

# The lab that is meant: `make site NODES=5 LAB=mine SEGMENTS=1`. Left out, the inventory's own defaults hold.
ifdef NODES
export CLUSTERNET_LAB_NODES := $(NODES)
endif
ifdef LAB
export CLUSTERNET_LAB_NAME := $(LAB)
endif
ifdef SEGMENTS
export CLUSTERNET_LAB_SEGMENTS := $(SEGMENTS)
endif

export PATH := $(CURDIR)/.venv/bin:$(PATH)
# The checkout's own settings, also where a tool changes its directory.
export ANSIBLE_CONFIG := $(CURDIR)/ansible.cfg
export ANSIBLE_COLLECTIONS_PATH := $(CURDIR)/.ansible/collections
# Boxes around what molecule runs break its lines.
export MOLECULE_COMMAND_BORDERS := false

STEP = python3 scripts/step.py $(if $(TOGETHER),--label $@)
LAB_PLAY := ansible-playbook -i inventory/lab
VM_PLAY := ansible-playbook -i inventory/vms
# More for ansible-playbook: `make site ARGS='--check --diff --limit node2'`
ARGS ?=
SCENARIO ?= default

.PHONY: help
help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "  NODES=5 LAB=mine SEGMENTS=1 choose how many nodes, which lab and on how many segments, ARGS='--check --diff' goes to ansible-playbook."

.PHONY: prepare
prepare:  ## Debian packages and .venv; the other targets do it by themselves
	@scripts/prepare

# What checks the project needs more than what it does.
.PHONY: prepare-dev
prepare-dev:
	@scripts/prepare --dev

.PHONY: site
site: lab-up  ## the lab and, in it, the network; then the proof: every pod against every pod
	@$(STEP) "site.yml: building the network" $(LAB_PLAY) playbooks/site.yml $(ARGS)

.PHONY: verify
verify: prepare  ## measure the network that stands in the lab
	@$(STEP) "verify.yml: measuring the network" $(LAB_PLAY) playbooks/verify.yml $(ARGS)

.PHONY: status
status: prepare  ## what each node holds against what it should hold; changes nothing
	@$(STEP) "status.yml: comparing the nodes" $(LAB_PLAY) playbooks/status.yml $(ARGS)

.PHONY: teardown
teardown: prepare  ## take the network off the lab's nodes; the lab stays up
	@$(STEP) "teardown.yml: taking the network down" $(LAB_PLAY) playbooks/teardown.yml $(ARGS)

.PHONY: lab-up
lab-up: prepare  ## start the lab's nodes and the switch between them
	@$(STEP) "lab_up.yml: starting the lab" $(LAB_PLAY) playbooks/lab_up.yml

.PHONY: lab-down
lab-down: prepare  ## stop the lab and leave nothing of it
	@$(STEP) "lab_down.yml: stopping the lab" $(LAB_PLAY) playbooks/lab_down.yml

.PHONY: shell
shell:  ## a shell on a node: make shell NODE=node1
	@scripts/lab-shell $(or $(NODE),node1)

.PHONY: vm-up
vm-up: prepare  ## start the virtual machines of inventory/vms; the first time it builds their image (some minutes)
	@$(STEP) "vm_up.yml: starting the virtual machines" $(VM_PLAY) playbooks/vm_up.yml $(ARGS)

.PHONY: vm-down
vm-down: prepare  ## stop the virtual machines and remove their disks
	@$(STEP) "vm_down.yml: stopping the virtual machines" $(VM_PLAY) playbooks/vm_down.yml $(ARGS)

.PHONY: vm-shell
vm-shell:  ## a shell on a virtual machine: make vm-shell NODE=node1
	@ssh -F .ansible/vms/vm.ssh_config vm-$(or $(NODE),node1)

.PHONY: test
test:  ## everything that needs no virtual machine
	@$(MAKE) --jobs=2 TOGETHER=1 site-test scenarios kernel properties sanity unit lint docs

.PHONY: test-vm
test-vm: kernel kernel-vm kernel-report  ## what needs virtual machines: kernel features that this kernel lacks, and molecule's scenario vm
	@$(MAKE) molecule SCENARIO=vm

.PHONY: check
check:  ## the quick part of it: lint, unit and kernel tests
	@$(MAKE) --jobs=2 TOGETHER=1 kernel unit lint

.PHONY: lint
lint: prepare-dev
	@$(STEP) "ansible-lint" ansible-lint --offline
	@$(STEP) "style of Python, as ansible-test has it" pycodestyle --max-line-length=160 --ignore=E203,E402,E701,E704,E741,W503,W504 \
	  $$(git ls-files '*.py')
	@$(STEP) "changelog fragments" antsibull-changelog lint
	@$(STEP) "imports and names of all tests" python -m pytest --quiet --quiet --collect-only tests molecule
	@$(STEP) "documentation of plugins and roles" antsibull-docs lint-collection-docs --plugin-docs --skip-rstcheck .

# Not part of `test`: twenty of them take some minutes, and interpreters that not every machine has.
.PHONY: matrix
matrix: prepare-dev  ## the engine under Python 3.9 to 3.13 and four versions of pyroute2
	@$(STEP) "Pythons and versions of pyroute2" python scripts/matrix.py

.PHONY: sanity
sanity: prepare-dev  ## ansible-test sanity, in environments of its own
	@$(STEP) "ansible-test sanity" scripts/sanity

.PHONY: docs
docs: prepare-dev  ## the documentation as a site; a warning is an error
	@$(STEP) "documentation site" scripts/docs

.PHONY: unit
unit: prepare-dev
	@$(STEP) "unit tests" python -m pytest -n 2 tests/unit

# They wait for the kernel and for programs half of their time, so there are more of them than processors.
.PHONY: kernel
kernel: prepare-dev
	@$(STEP) "kernel tests" python -m pytest -n 4 --dist loadgroup --record=.ansible/kernel-tests/host.json tests/kernel \
	  --ignore tests/kernel/test_engine_properties.py

# EXAMPLES=50 SEED=7 for more and others: 9 a kind, and a multiple of some, make over 200 of each promise here. What becomes of how many objects is
# counted, and too few of something is a failure. The runs wait for the kernel most of their time, so there are more of them than processors.
.PHONY: properties
properties: prepare-dev  ## the engine's promises over random documents of every kind that this kernel has
	@CLUSTERNET_EXAMPLES=$(or $(EXAMPLES),9) CLUSTERNET_SEED=$(or $(SEED),4) $(STEP) "properties of random documents" \
	  python -m pytest -n 4 -p engine_tallies --enough tests/kernel/test_engine_properties.py

.PHONY: engine-kills
engine-kills: prepare-dev  ## kill -9 at 100 random moments inside the engine's apply, and what the next run makes of it
	@CLUSTERNET_ENGINE_KILLS=$(or $(KILLS),100) CLUSTERNET_SEED=$(or $(SEED),20260) $(STEP) "killed in the middle of apply" \
	  python -m pytest -v -s tests/kernel/test_engine_killed.py -k random

# VMS=vm takes node1 of the machines that `make vm-up` starts.
.PHONY: kernel-vm
kernel-vm: prepare-dev  ## those kernel tests for which this kernel lacks something, in a virtual machine
	@$(STEP) "kernel tests in a virtual machine" python scripts/kernel_tests.py vm $(VMS)

.PHONY: kernel-report
kernel-report: prepare-dev  ## where each kind was tested: here, in the virtual machine, or nowhere, which is an error
	@$(STEP) "where each kind was tested" python scripts/kernel_tests.py report

.PHONY: molecule
molecule: prepare-dev  ## a scenario from create to destroy: make molecule SCENARIO=default
	@$(STEP) "molecule: $(SCENARIO)" molecule test --scenario-name $(SCENARIO)

# Not part of `test`: a minute for its environment the first time, and then as long as the other.
.PHONY: molecule-oldest
molecule-oldest:  ## the same with the oldest ansible-core that is supported, in an environment of its own
	@scripts/prepare --oldest
	@PATH=$(CURDIR)/.ansible/venv-oldest/bin:$$PATH $(STEP) "molecule with ansible-core 2.16: $(SCENARIO)" \
	  molecule test --scenario-name $(SCENARIO)

.PHONY: scenarios
scenarios: prepare-dev  ## every scenario of molecule but vm
	@$(STEP) "molecule: every scenario of the lab" molecule test --all --exclude vm

# Two labs at a time, and the files that take longest first, so that none of them is left to run alone.
LONG_SITE_TESTS := $(addprefix tests/site/test_,moves.py leases.py fabrics.py kills.py)
SITE_TESTS := $(LONG_SITE_TESTS) $(filter-out $(LONG_SITE_TESTS) %/test_many_nodes.py %/test_many_sessions.py,$(wildcard tests/site/test_*.py tests/lab/test_*.py))

.PHONY: site-test
site-test: prepare-dev
	@$(STEP) "tests of the whole" python -m pytest -v -n 2 --dist loadfile --no-loadscope-reorder $(SITE_TESTS)

# Not part of `test`: some minutes of a machine with two processors.
.PHONY: many-nodes
many-nodes: prepare-dev  ## what twenty nodes take beside three, a lab of 35, and thirty nodes that speak BGP
	@$(STEP) "many nodes" python -m pytest -v -s tests/site/test_many_nodes.py tests/site/test_many_sessions.py

.PHONY: kills
kills: prepare-dev  ## kill -9 of runs at 30 random moments, and what the next run makes of it
	@CLUSTERNET_KILLS=$(or $(KILLS),30) $(STEP) "killed runs" python -m pytest -v -s tests/site/test_kills.py

# Not part of `test`, where scenario vm has the smaller case: each cut takes a machine's start.
.PHONY: power-cuts
power-cuts: prepare-dev  ## a machine's power goes at 10 random moments while a run changes it, and what it comes back with
	@CLUSTERNET_POWER_CUTS=$(or $(CUTS),10) $(STEP) "power cuts" python -m pytest -v -s tests/vm/test_power_cuts.py

.PHONY: others
others: prepare-dev  ## networkd, NetworkManager, Docker, nftables, ufw and firewalld on a machine with a network
	@$(STEP) "other software on a machine" python -m pytest -v -s tests/vm/test_others.py

.PHONY: tunnels
tunnels: prepare-dev  ## IPIP and WireGuard of Calico and Weave between virtual machines, which the lab's kernel need not have
	@$(STEP) "tunnels between virtual machines" python -m pytest -v -s tests/vm/test_calico_tunnels.py tests/vm/test_weave_encryption.py

.PHONY: lab-inside
lab-inside: prepare-dev  ## `make site` and `make lab-down` on a plain Debian machine with systemd as PID 1
	@$(STEP) "the lab in a virtual machine" python -m pytest -v -s tests/vm/test_lab_inside.py

.PHONY: bench
bench:  ## how fast it is, beside the tools that do the same: make bench ARGS='--only route --runs 3'
	@scripts/prepare --bench
	@$(STEP) "benchmarks" python benchmarks/run.py $(ARGS)

.PHONY: bench-site
bench-site: prepare-dev  ## what site.yml costs: a converged lab, and an inventory of a thousand nodes
	@$(STEP) "benchmarks of site.yml" python benchmarks/whole_runs.py $(ARGS)

.PHONY: bench-throughput
bench-throughput:  ## what pods get of what their nodes have between them, by iperf3: make bench-throughput ARGS='--runs 3'
	@scripts/prepare --bench
	@$(STEP) "throughput" python benchmarks/throughput.py $(ARGS)

.PHONY: build
build: prepare-dev  ## the artifact that ansible-galaxy collection install takes
	@$(STEP) "building the collection" ansible-galaxy collection build --force
