use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use ax_harness::{Fault, Proxy};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use crate::SOON;

/// A proxy before a server that echoes, and a connection through it.
async fn through() -> (Proxy, TcpStream) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let target = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut from, mut to) = stream.split();
                tokio::io::copy(&mut from, &mut to).await
            });
        }
    });
    let proxy = Proxy::start(target).await.unwrap();
    let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
    echo(&mut stream).await.unwrap();
    (proxy, stream)
}

async fn echo(stream: &mut TcpStream) -> std::io::Result<()> {
    stream.write_all(b"ping").await?;
    let mut answer = [0; 4];
    stream.read_exact(&mut answer).await?;
    assert_eq!(&answer, b"ping");
    Ok(())
}

#[tokio::test]
async fn much_passes_unchanged() {
    let (_proxy, mut stream) = through().await;
    let sent: Vec<u8> = (0..5_000_000_u32).map(|number| (number % 251) as u8).collect();
    let (mut from, mut to) = stream.split();
    let send = async {
        to.write_all(&sent).await.unwrap();
        to.shutdown().await.unwrap();
    };
    let mut received = Vec::new();
    let (_, read) = tokio::join!(send, from.read_to_end(&mut received));
    read.unwrap();
    assert!(sent == received);
}

#[tokio::test]
async fn delay_adds_to_both_directions() {
    let (proxy, mut stream) = through().await;
    proxy.set(Fault::Delay(Duration::from_millis(40)));
    let started = Instant::now();
    echo(&mut stream).await.unwrap();
    assert!(started.elapsed() >= Duration::from_millis(80));
}

#[tokio::test]
async fn a_blackhole_is_silent_and_what_it_held_arrives_afterwards() {
    let (proxy, mut stream) = through().await;
    proxy.set(Fault::Blackhole);
    timeout(Duration::from_millis(200), echo(&mut stream)).await.unwrap_err();
    let mut fresh = TcpStream::connect(proxy.address()).await.unwrap();
    timeout(Duration::from_millis(200), echo(&mut fresh)).await.unwrap_err();
    proxy.set(Fault::None);
    for stream in [&mut stream, &mut fresh] {
        let mut answer = [0; 4];
        timeout(SOON, stream.read_exact(&mut answer)).await.unwrap().unwrap();
        assert_eq!(&answer, b"ping");
    }
}

#[tokio::test]
async fn a_reset_is_a_reset_and_a_close_a_close() {
    let (proxy, mut stream) = through().await;
    proxy.set(Fault::Close);
    assert_eq!(timeout(SOON, stream.read(&mut [0; 4])).await.unwrap().unwrap(), 0);

    let (proxy, mut stream) = through().await;
    proxy.set(Fault::Reset);
    let error = timeout(SOON, stream.read(&mut [0; 4])).await.unwrap().unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn connections_work_again_once_it_is_over() {
    let (proxy, _stream) = through().await;
    proxy.set(Fault::Reset);
    let mut during = TcpStream::connect(proxy.address()).await.unwrap();
    echo(&mut during).await.unwrap_err();
    proxy.set(Fault::None);
    let mut after = TcpStream::connect(proxy.address()).await.unwrap();
    echo(&mut after).await.unwrap();
}
