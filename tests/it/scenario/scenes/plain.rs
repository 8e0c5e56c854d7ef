//! A campaign over WhatsApp from its firing to its end: one person without consent, two who say stop, an operator who pauses and resumes,
//! and a Meta with mishaps of its own, drawn from the seed.

use barid::domain::run::RunCommand;
use jiff::SignedDuration;

use crate::scenario::operator::Order;
use crate::scenario::script::Script;
use crate::scenario::time::seconds;
use crate::scenario::walk::Scene;
use crate::scenario::world::World;

pub(crate) const PLAIN: Scene = Scene { name: "plain", script, arrange, holds: |_| {} };

const PEOPLE: usize = 6;

fn script() -> Script {
    let chosen = std::env::var_os("BARID_CHAOS_SEED").and_then(|text| text.to_str()?.parse().ok());
    Script { seed: chosen.unwrap_or(20_261_122), is_kind: false, ..Script::kind(PEOPLE) }
}

fn arrange(world: &mut World) {
    world.stop_word(SignedDuration::ZERO, 1);
    world.stop_word(seconds(2.0), 4);
    world.order(seconds(0.5), Order::Run(RunCommand::Pause));
    world.order(seconds(3.0), Order::Run(RunCommand::Resume));
}
