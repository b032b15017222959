//! A TCP proxy with switchable faults, for what a kill and a pause cannot do: delay, silence, resets.
//!
//! | fault | connections there are | new connections |
//! |---|---|---|
//! | `None` | bytes pass | reach the target |
//! | `Delay(d)` | each byte arrives `d` later, order kept | likewise |
//! | `Blackhole` | bytes are held, and pass once it ends | are accepted, and held likewise |
//! | `Close` | end as if the peer had closed | end at once |
//! | `Reset` | are reset | are reset |

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::Context as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

use crate::free_port;

/// Chunks under way in one direction; the kernel's buffers hold back the sender beyond that.
const MAX_CHUNKS: usize = 64;
const CHUNK_BYTES: usize = 16 << 10;

/// What the proxy does to traffic. See the table in the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    None,
    /// Adds latency to each direction.
    Delay(Duration),
    /// A partition: silence without an error, for both sides.
    Blackhole,
    /// Ends connections in order.
    Close,
    /// Ends connections with a reset.
    Reset,
}

/// A proxy from a loopback port of its own to one target; it ends when dropped.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    fault: watch::Sender<Fault>,
    accepting: JoinHandle<()>,
}

impl Proxy {
    /// Listens on a free port and passes every connection on to `target`, as in `127.0.0.1:2379`.
    pub async fn start(target: impl Into<String>) -> anyhow::Result<Self> {
        let target = target.into();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()?));
        let listener = TcpListener::bind(address).await.context("bind the proxy's port")?;
        let (fault, seen) = watch::channel(Fault::None);
        let accepting = tokio::spawn(accept(listener, target, seen));
        Ok(Self { address, fault, accepting })
    }

    /// Where clients connect to.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Changes the fault, for connections there are and for new ones.
    pub fn set(&self, fault: Fault) {
        self.fault.send_replace(fault);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // Connections notice that the sender of faults is gone.
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, target: String, fault: watch::Receiver<Fault>) {
    while let Ok((client, _)) = listener.accept().await {
        tokio::spawn(serve(client, target.clone(), fault.clone()));
    }
}

/// One connection, until either side or a fault ends it. Errors end it too: that is what both sides see.
async fn serve(mut client: TcpStream, target: String, fault: watch::Receiver<Fault>) {
    let mut server = None;
    let ended = tokio::select! {
        _ = relay(&mut client, &mut server, &target, &fault) => None,
        fault = end(fault.clone()) => fault,
    };
    if ended == Some(Fault::Reset) {
        for stream in [Some(client), server].into_iter().flatten() {
            // A close that lets nothing linger is what makes the kernel send a reset.
            let _ = stream.set_zero_linger();
        }
    }
}

/// Waits for a fault that ends connections; `None` when the proxy itself is gone.
async fn end(mut fault: watch::Receiver<Fault>) -> Option<Fault> {
    let fault = fault.wait_for(|fault| matches!(fault, Fault::Close | Fault::Reset)).await;
    fault.ok().map(|fault| *fault)
}

async fn relay(
    client: &mut TcpStream,
    server: &mut Option<TcpStream>,
    target: &str,
    fault: &watch::Receiver<Fault>,
) -> io::Result<()> {
    pass(Instant::now(), &mut fault.clone()).await;
    let server = server.insert(TcpStream::connect(target).await?);
    let (client_in, client_out) = client.split();
    let (server_in, server_out) = server.split();
    let requests = pump(client_in, server_out, fault.clone());
    let answers = pump(server_in, client_out, fault.clone());
    tokio::try_join!(requests, answers).map(drop)
}

/// One direction. A reader stamps what arrives and a writer delays it, so that latency costs no
/// bandwidth; a single loop would deliver one chunk per delay.
async fn pump(
    from: ReadHalf<'_>,
    to: WriteHalf<'_>,
    fault: watch::Receiver<Fault>,
) -> io::Result<()> {
    let (sender, chunks) = mpsc::channel(MAX_CHUNKS);
    tokio::try_join!(read(from, sender), write(chunks, to, fault)).map(drop)
}

async fn read(mut from: ReadHalf<'_>, chunks: mpsc::Sender<(Instant, Vec<u8>)>) -> io::Result<()> {
    loop {
        let mut chunk = vec![0; CHUNK_BYTES];
        let num_bytes = from.read(&mut chunk).await?;
        chunk.truncate(num_bytes);
        if num_bytes == 0 || chunks.send((Instant::now(), chunk)).await.is_err() {
            return Ok(());
        }
    }
}

async fn write(
    mut chunks: mpsc::Receiver<(Instant, Vec<u8>)>,
    mut to: WriteHalf<'_>,
    mut fault: watch::Receiver<Fault>,
) -> io::Result<()> {
    while let Some((arrived, chunk)) = chunks.recv().await {
        pass(arrived, &mut fault).await;
        to.write_all(&chunk).await?;
    }
    to.shutdown().await
}

/// Returns when what arrived then may go on.
async fn pass(arrived: Instant, fault: &mut watch::Receiver<Fault>) {
    loop {
        let now = *fault.borrow_and_update();
        match now {
            Fault::Delay(delay) => return sleep_until(arrived + delay).await,
            Fault::Blackhole if fault.changed().await.is_ok() => {}
            _ => return,
        }
    }
}
