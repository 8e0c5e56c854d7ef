# Two commands for a start: `make demo` shows the whole service on this machine, `make test` runs every test.
.PHONY: demo test chaos bench model

demo: ## build, then run a campaign end to end against the simulator
	@.ci/needs redis
	cargo run --locked --release --quiet -- demo $(DEMO)

test: ## every test, against real Redis, SQLite and PostgreSQL
	@.ci/needs redis postgresql
	cargo test --locked

chaos: ## kills, cuts and wipes everything in mid-campaign for some minutes (BARID_CHAOS_SEED=… repeats, BARID_CHAOS_KILLS=…)
	@.ci/needs redis postgresql
	cargo test --locked --test it -- chaos:: --ignored --nocapture --test-threads=1

bench: ## messages/s, CPU and memory, next to bare loops; one JSON object on each line
	@.ci/needs redis postgresql
	cargo bench --locked --bench whole -- $(BENCH)

model: ## the model file that reads feedback, into MODEL_DIR
	@.ci/model "$(MODEL_DIR)"
