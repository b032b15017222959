use ax_harness::{Etcd, eventually};
use etcd_client::Client;

use crate::SOON;

#[tokio::test]
async fn what_was_acknowledged_survives_a_kill() {
    let mut etcd = Etcd::start().await.unwrap();
    let mut client = Client::connect([etcd.endpoint()], None).await.unwrap();
    client.put("color", "blue", None).await.unwrap();

    etcd.kill9().unwrap();
    client.get("color", None).await.unwrap_err();
    etcd.restart().await.unwrap();

    let mut client = Client::connect([etcd.endpoint()], None).await.unwrap();
    let answer = client.get("color", None).await.unwrap();
    assert_eq!(answer.kvs()[0].value(), b"blue");
}

#[tokio::test]
async fn a_paused_server_is_silent_and_goes_on() {
    let etcd = Etcd::start().await.unwrap();
    let mut client = Client::connect([etcd.endpoint()], None).await.unwrap();
    etcd.pause().unwrap();
    let put = tokio::spawn(async move { client.put("color", "red", None).await });
    etcd.resume().unwrap();
    put.await.unwrap().unwrap();
}

#[tokio::test]
async fn two_servers_do_not_meet() {
    let (one, two) = tokio::try_join!(Etcd::start(), Etcd::start()).unwrap();
    let mut client = Client::connect([one.endpoint()], None).await.unwrap();
    client.put("color", "blue", None).await.unwrap();
    let other = eventually(SOON, "the other answers", async || {
        let mut client = Client::connect([two.endpoint()], None).await?;
        Ok(client.get("color", None).await?)
    });
    assert_eq!(other.await.unwrap().count(), 0);
}

#[tokio::test]
async fn a_cluster_goes_on_without_one_of_three() {
    let mut nodes = Etcd::start_cluster(3).await.unwrap();
    let mut client = Client::connect([nodes[0].endpoint()], None).await.unwrap();
    client.put("color", "blue", None).await.unwrap();
    for killed in 0..3 {
        nodes[killed].kill9().unwrap();
        let other = nodes[(killed + 1) % 3].endpoint();
        let read = eventually(SOON, "another node answers", async || {
            let mut client = Client::connect([other], None).await?;
            Ok(client.get("color", None).await?)
        });
        assert_eq!(read.await.unwrap().count(), 1);
        nodes[killed].restart().await.unwrap();
    }
}
