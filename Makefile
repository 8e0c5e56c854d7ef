# Two commands for a start: `make demo` shows the whole service on this machine, `make test` runs every test.
.PHONY: demo test bench

demo: ## build, then run a campaign end to end against the simulator
	@.ci/needs redis
	cargo run --locked --release --quiet -- demo $(DEMO)

test: ## every test, against real Redis, SQLite and PostgreSQL
	@.ci/needs redis postgresql
	cargo test --locked

bench: ## messages/s, CPU and memory, next to a bare HTTP loop; one JSON object on each line
	@.ci/needs redis
	cargo bench --locked --bench whole -- $(BENCH)
