//! Where files that people send are kept.
//!
//! | module | owns |
//! |---|---|
//! | `folder` | a folder of this machine |

mod folder;

pub use self::folder::Folder;
