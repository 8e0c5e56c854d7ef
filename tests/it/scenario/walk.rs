//! Walks over a scenario: breaks its effects one after the other, each in a world of its own.

use std::collections::BTreeSet;

use super::ending::Ending;
use super::script::Script;
use super::tap::How;
use super::world::{World, alone};

/// The job of an effect, and what kind of effect it is.
pub(crate) type Kind = (&'static str, String);

/// A scenario with a name.
#[derive(Clone, Copy)]
pub(crate) struct Scene {
    pub(crate) name: &'static str,
    pub(crate) script: fn() -> Script,
    /// Who says and orders what, and when.
    pub(crate) arrange: fn(&mut World),
    /// What must hold at its end beside what holds at every end.
    pub(crate) holds: fn(&Ending),
}

impl Scene {
    /// From the beginning to its end.
    pub(crate) async fn played(&self, breaks: Option<(usize, How)>) -> World {
        // Each second time Redis dies with the process.
        let wipes = breaks.is_some_and(|(at, _)| at % 2 == 0);
        let mut world = World::new(Script { breaks, wipes, ..(self.script)() }).await;
        (self.arrange)(&mut world);
        world.settle().await;
        world
    }

    /// Plays it and looks at its end; answers the job and the kind of each effect.
    pub(crate) fn proved(&self, breaks: Option<(usize, How)>) -> Vec<Kind> {
        alone(async {
            let world = self.played(breaks).await;
            let ending = world.assert_in_order().await;
            (self.holds)(&ending);
            let kinds = world.tap.kinds();
            world.end().await;
            kinds
        })
    }

    /// Everything that happens in it, as text.
    pub(crate) fn journal(&self, breaks: Option<(usize, How)>) -> String {
        alone(async {
            let world = self.played(breaks).await;
            let journal = world.journal().await;
            world.end().await;
            journal
        })
    }

    /// Which jobs have which kinds of effects in it.
    pub(crate) fn shows(&self) -> BTreeSet<Kind> {
        self.proved(None).into_iter().collect()
    }

    /// Breaks effects of it in this way, one after the other: every one.
    pub(crate) fn walk(&self, how: How) {
        self.walk_over(how, |_, _| true);
    }

    /// Those that are chosen by their number and kind.
    pub(crate) fn walk_over(&self, how: How, is_chosen: impl Fn(usize, &Kind) -> bool) {
        let effects = self.proved(None);
        let numbered = effects.iter().enumerate().map(|(n, kind)| (n + 1, kind));
        let chosen: Vec<usize> = numbered.filter(|(at, kind)| is_chosen(*at, kind)).map(|(at, _)| at).collect();
        println!("{}, seed {}: {how:?} at {} of {}", self.name, (self.script)().seed, chosen.len(), effects.len());
        for at in chosen {
            self.proved(Some((at, how)));
        }
    }
}
