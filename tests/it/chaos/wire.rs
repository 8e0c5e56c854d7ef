//! A piece of network that can be cut, blocked and slowed down: a TCP relay on loopback between two ends that know nothing of it.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

/// What is wrong with a wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// Nothing.
    None,
    /// Every connection is reset, and so is each new one.
    Cut,
    /// Nothing passes and nobody is told; what was written before and during it passes when it ends.
    Stall,
    /// Everything passes late and little at a time.
    Slow {
        /// Before each piece, in milliseconds.
        delay: u64,
        /// Of each connection in each direction.
        bytes_per_second: u64,
    },
}

/// A relay; dropping it cuts it for good.
pub(crate) struct Wire {
    near: SocketAddr,
    trouble: watch::Sender<Trouble>,
    relay: JoinHandle<()>,
}

impl Wire {
    /// Lays a wire that ends at `far`.
    pub(crate) async fn to(far: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("loopback has a free port");
        let near = listener.local_addr().expect("it is bound");
        let trouble = watch::Sender::new(Trouble::None);
        let relay = tokio::spawn(relay(listener, far, trouble.subscribe()));
        Self { near, trouble, relay }
    }

    /// Where its near end listens.
    pub(crate) fn near(&self) -> SocketAddr {
        self.near
    }

    /// From now on this is wrong with it.
    pub(crate) fn set(&self, trouble: Trouble) {
        self.trouble.send_replace(trouble);
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.relay.abort();
    }
}

async fn relay(listener: TcpListener, far: SocketAddr, trouble: watch::Receiver<Trouble>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((near, _)) => {
                    connections.spawn(connection(near, far, trouble.clone()));
                }
                // Out of file descriptors, most likely: the connections that end meanwhile make room.
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Carries one connection until one end closes it, one end resets it, or the wire is cut.
async fn connection(mut near: TcpStream, far: SocketAddr, mut trouble: watch::Receiver<Trouble>) {
    let cut_before = *trouble.borrow_and_update() == Trouble::Cut;
    let far = if cut_before { None } else { TcpStream::connect(far).await.ok() };
    let Some(mut far) = far else {
        reset(near);
        return;
    };
    // A failure only costs speed.
    let _ = (near.set_nodelay(true), far.set_nodelay(true));
    let ended_well = {
        let ((mut from_near, mut to_near), (mut from_far, mut to_far)) = (near.split(), far.split());
        let (there, back) = (trouble.clone(), trouble.clone());
        let both = async {
            tokio::try_join!(carry(&mut from_near, &mut to_far, there), carry(&mut from_far, &mut to_near, back))
        };
        tokio::select! {
            ended = both => ended.is_ok(),
            _ = trouble.wait_for(|trouble| *trouble == Trouble::Cut) => false,
        }
    };
    if !ended_well {
        reset(near);
        reset(far);
    }
}

/// Ends it so that the peer sees a reset.
fn reset(stream: TcpStream) {
    let _ = stream.set_zero_linger();
}

async fn carry<R, W>(from: &mut R, to: &mut W, mut trouble: watch::Receiver<Trouble>) -> std::io::Result<()>
where
    R: AsyncReadExt + Unpin,
    W: AsyncWriteExt + Unpin,
{
    let mut piece = vec![0; 16 * 1024];
    loop {
        passable(&mut trouble).await;
        let n = from.read(&mut piece).await?;
        // It may have been blocked while we waited for something to carry.
        passable(&mut trouble).await;
        let now = *trouble.borrow();
        if let Trouble::Slow { delay, bytes_per_second } = now {
            let wait = delay + n as u64 * 1000 / bytes_per_second.max(1);
            tokio::time::sleep(Duration::from_millis(wait)).await;
        }
        if n == 0 {
            return to.shutdown().await;
        }
        to.write_all(&piece[..n]).await?;
    }
}

/// Waits while the wire is blocked.
async fn passable(trouble: &mut watch::Receiver<Trouble>) {
    // An error says that the wire is gone, and this task with it.
    let _ = trouble.wait_for(|trouble| *trouble != Trouble::Stall).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn answering() -> (SocketAddr, JoinHandle<()>) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let at = listener.local_addr().unwrap();
        let task = tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut from, mut to) = stream.split();
                    // The other end may be cut off.
                    let _ = tokio::io::copy(&mut from, &mut to).await;
                });
            }
        });
        (at, task)
    }

    async fn says(stream: &mut TcpStream, word: &[u8; 4]) -> std::io::Result<[u8; 4]> {
        stream.write_all(word).await?;
        let mut heard = [0; 4];
        stream.read_exact(&mut heard).await?;
        Ok(heard)
    }

    #[tokio::test]
    async fn a_wire_carries_is_cut_blocked_slowed_and_healed() {
        let (far, _echo) = answering().await;
        let wire = Wire::to(far).await;
        let mut stream = TcpStream::connect(wire.near()).await.unwrap();
        assert_eq!(says(&mut stream, b"ping").await.unwrap(), *b"ping");

        wire.set(Trouble::Stall);
        let mut blocked = TcpStream::connect(wire.near()).await.unwrap();
        let mut both = Box::pin(async { (says(&mut stream, b"late").await, says(&mut blocked, b"new!").await) });
        assert!(tokio::time::timeout(Duration::from_millis(50), &mut both).await.is_err(), "nothing passes");
        wire.set(Trouble::Slow { delay: 1, bytes_per_second: 1_000_000 });
        let (late, new) = both.await;
        assert_eq!((late.unwrap(), new.unwrap()), (*b"late", *b"new!"), "it passes afterwards");

        wire.set(Trouble::Cut);
        assert!(says(&mut stream, b"lost").await.is_err(), "an open connection is reset");
        let mut refused = TcpStream::connect(wire.near()).await.unwrap();
        assert!(says(&mut refused, b"lost").await.is_err(), "and a new one");
        wire.set(Trouble::None);
        let mut healed = TcpStream::connect(wire.near()).await.unwrap();
        assert_eq!(says(&mut healed, b"ping").await.unwrap(), *b"ping");
    }
}
