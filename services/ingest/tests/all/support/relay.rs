//! A relay whose server falls silent in the middle of an answer.

use tokio::{
    io::{AsyncReadExt, copy, split},
    net::{TcpListener, TcpStream},
};

/// A loopback port that passes connections on to `target`, and `num_bytes` of each answer back. After
/// these the connection stays open, and nothing more comes. It ends with the runtime.
pub async fn stalling(target: u16, num_bytes: u64) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let server = TcpStream::connect(("127.0.0.1", target)).await.unwrap();
            tokio::spawn(relay(client, server, num_bytes));
        }
    });
    port
}

async fn relay(client: TcpStream, server: TcpStream, num_bytes: u64) {
    let (mut client_in, mut client_out) = split(client);
    let (server_in, mut server_out) = split(server);
    let mut answer = server_in.take(num_bytes);
    let requests = copy(&mut client_in, &mut server_out);
    let answers = async {
        let _ = copy(&mut answer, &mut client_out).await;
        std::future::pending::<()>().await
    };
    // The client's end, in order or not, ends both.
    tokio::select! {
        _ = requests => {}
        () = answers => {}
    }
}
