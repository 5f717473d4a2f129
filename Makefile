# Debian and Ubuntu; Swift 6.3 has to be there already (https://www.swift.org/install/linux).
SWIFT ?= swift
BINARY = .build/release/millrace

.PHONY: help setup setup-test setup-bench build demo test fuzz lint format bench clean

help:  ## show this
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1|\2/p' Makefile | column -t -s '|'

setup:  ## install the libraries that the build needs, where they are missing
	@command -v $(SWIFT) >/dev/null || { echo "swift is not installed: https://www.swift.org/install/linux" >&2; exit 1; }
	@scripts/install-packages pkg-config libpcre2-dev zlib1g-dev libsnappy-dev libyaml-dev

setup-test: setup  ## and the peers that the tests talk to
	@scripts/install-packages prometheus rsyslog bsdutils 'nginx-light|nginx' 'chromium|chromium-browser' python3

setup-bench: setup
	@scripts/install-packages mtail python3

build: setup  ## build the program: .build/release/millrace
	$(SWIFT) build -c release --product millrace --static-swift-stdlib

demo: build  ## build it and show everything at once on made traffic
	$(BINARY) demo

# Each target in a process of its own: tests that wait for real servers must not starve each other on two cores.
UNIT_TESTS = ArchitectureTests DiagnosticsTests RecordsTests LogQLTests EngineTests OfflineTests RulesTests IntakeTests DeliveryTests

test: setup-test lint  ## every test, then the engine's again under the address and thread sanitizers
	$(SWIFT) build --build-tests
	set -e; for target in $(UNIT_TESTS); do $(SWIFT) test --skip-build --filter "^$$target\."; done
	$(SWIFT) test --skip-build --no-parallel --filter '^DaemonTests\.'
	LSAN_OPTIONS=suppressions=$(CURDIR)/Tests/leak-suppressions.txt MILLRACE_ONLY=engine $(SWIFT) test --sanitize=address --scratch-path .build-asan
	MILLRACE_ONLY=engine $(SWIFT) test --sanitize=thread --scratch-path .build-tsan --skip Hostile --skip Fuzz --skip fuzz

SECONDS = 60
SEED = 1

fuzz:  ## mutate inputs of every scanner: SECONDS=60 for each, SEED=1
	MILLRACE_FUZZ_SECONDS=$(SECONDS) MILLRACE_FUZZ_SEED=$(SEED) MILLRACE_ONLY=engine $(SWIFT) test --scratch-path .build-engine --no-parallel --filter FuzzTests
	MILLRACE_FUZZ_SECONDS=$(SECONDS) MILLRACE_FUZZ_SEED=$(SEED) $(SWIFT) test --no-parallel --filter '^IntakeTests\.SyslogFuzzTests'

lint:  ## check the formatting, the packs' expected expositions and the table of self-metrics
	$(SWIFT) format lint --strict -r Sources Tests Package.swift
	python3 fixtures/expected.py --check
	scripts/self-metrics --check

format:  ## format the sources in place
	$(SWIFT) format -i -r Sources Tests Package.swift

bench: setup-bench build  ## measure CPU per line, check every count, compare with mtail; then by stage
	bench/run
	$(BINARY) bench --stages

clean:  ## remove what was built and measured
	rm -rf .build .build-asan .build-tsan bench/data bench/work
