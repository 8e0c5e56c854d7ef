//! The scripts of a lane and the keys they are given.

use std::sync::LazyLock;

use redis::{Script, ScriptInvocation};

use super::Lane;

macro_rules! scripts {
    ($($name:ident = $file:literal;)*) => {
        $(pub(super) static $name: LazyLock<Script> =
            LazyLock::new(|| Script::new(concat!(include_str!("lua/head.lua"), include_str!($file))));)*
    };
}

scripts! {
    PUSH = "lua/push.lua";
    FETCH = "lua/fetch.lua";
    SETTLE = "lua/settle.lua";
    RENEW = "lua/renew.lua";
    STEP = "lua/step.lua";
    RECLAIM = "lua/reclaim.lua";
    DEPTH = "lua/depth.lua";
    ALIVE = "lua/alive.lua";
    REMOVE = "lua/remove.lua";
    DEAD = "lua/dead.lua";
    REQUEUE = "lua/requeue.lua";
    PURGE = "lua/purge.lua";
}

/// The keys of one lane, in the order in which `lua/head.lua` takes them.
pub(super) struct Keys([String; 12]);

impl Keys {
    pub(super) fn new(namespace: &str, lane: Lane) -> Self {
        let names = [
            "job", "lease", "token", "delayed", "dead", "dead:job", "dead:why", "ghost", "stats", "ready:0", "ready:1",
            "ready:2",
        ];
        Self(names.map(|name| format!("{{{namespace}:{lane}}}:{name}")))
    }

    pub(super) fn call<'a>(&self, script: &'a Script) -> ScriptInvocation<'a> {
        let mut call = script.prepare_invoke();
        for key in &self.0 {
            call.key(key);
        }
        call
    }
}
