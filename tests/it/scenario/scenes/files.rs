//! People send files: one comes at once, one after a fault of Meta's, one never, and one is taken back.

use barid::domain::media::MediaState;

use crate::scenario::fates::{ARRIVES, Fate};
use crate::scenario::files::{FAULTY, MISSING};
use crate::scenario::script::Script;
use crate::scenario::time::seconds;
use crate::scenario::walk::Scene;

pub(crate) const FILES: Scene = Scene {
    name: "files",
    script: || Script { fates: vec![Fate::of_all(ARRIVES)], sends_files: true, ..Script::kind(2) },
    arrange: |world| {
        for (at, id) in [(0.5, "101"), (1.0, FAULTY), (1.5, MISSING), (2.0, "102")] {
            world.sends_file(seconds(at), 0, id);
        }
        world.takes_back(seconds(4.0), "102");
    },
    holds: |ending| {
        let stands = |id: &str| ending.files.iter().find(|file| file.id == id).map(|file| file.state);
        ending.demand(stands("101") == Some(Some(MediaState::Kept)), "a file is kept");
        ending.demand(stands(FAULTY) == Some(Some(MediaState::Kept)), "a fault of Meta's passes");
        ending.demand(stands(MISSING) == Some(Some(MediaState::Lost)), "what is not to be had is lost");
        ending.demand(stands("102") == Some(None), "what was taken back is gone");
    },
};
