//! Limits of a device's traffic, by the program `tc` (tc-htb(8), tc-sfq(8), tc police).

use crate::command::{Cmd, Output, Runner, Tool};
use crate::{Error, Result};

/// One direction: kilobytes per second; the burst in kilobytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rate {
    /// Sustained.
    pub average: u64,
    /// In a burst.
    pub peak: Option<u64>,
    /// Size of a burst.
    pub burst: Option<u64>,
}

/// What a device may send and receive.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Shaping {
    /// What it sends.
    pub sent: Option<Rate>,
    /// What it receives.
    pub received: Option<Rate>,
}

/// Sets the limits of a device in the place of those it has.
pub async fn shape(runner: &dyn Runner, device: &str, shaping: &Shaping) -> Result<()> {
    unshape(runner, device).await?;
    for words in commands(device, shaping) {
        run(runner, &words).await?.success(Tool::Tc)?;
    }
    Ok(())
}

/// Removes all limits of a device; that there are none is no error.
pub async fn unshape(runner: &dyn Runner, device: &str) -> Result<()> {
    for parent in ["root", "ingress"] {
        run(runner, &format!("qdisc del dev {device} {parent}")).await?;
    }
    Ok(())
}

async fn run(runner: &dyn Runner, words: &str) -> Result<Output> {
    // A name without blanks is the only part that is not our own.
    if words.contains(|c: char| c.is_control()) {
        return Err(Error::Name { name: words.to_owned() });
    }
    runner.run(Cmd::new(Tool::Tc, words.split(' '))).await
}

/// Bytes of the usual packet: a class should be served no less at once.
const PACKET: u64 = 1500;

fn commands(device: &str, shaping: &Shaping) -> Vec<String> {
    let mut all = Vec::new();
    if let Some(rate) = shaping.sent {
        let ceil = rate.peak.map(|peak| format!(" ceil {peak}kbps")).unwrap_or_default();
        let burst = rate.burst.map(|burst| format!(" burst {burst}kb")).unwrap_or_default();
        let quantum = (rate.average * 1024 / 8 / PACKET).max(1);
        all.push(format!("qdisc add dev {device} root handle 1: htb default 1"));
        all.push(format!(
            "class add dev {device} parent 1: classid 1:1 htb rate {}kbps{ceil}{burst} quantum {quantum}",
            rate.average
        ));
        all.push(format!("qdisc add dev {device} parent 1:1 handle 2: sfq perturb 10"));
        all.push(format!("filter add dev {device} parent 1:0 protocol all prio 1 handle 1 fw flowid 1"));
    }
    if let Some(rate) = shaping.received {
        let burst = rate.burst.unwrap_or(rate.average);
        all.push(format!("qdisc add dev {device} ingress"));
        all.push(format!(
            "filter add dev {device} parent ffff: protocol all u32 match u32 0 0 police rate {}kbps \
             burst {burst}kb mtu 64kb drop flowid :1",
            rate.average
        ));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::Script;

    #[test]
    fn commands_of_both_directions() {
        let sent = Rate { average: 1000, peak: Some(2000), burst: Some(100) };
        let received = Rate { average: 500, peak: Some(900), burst: None };
        assert_eq!(
            commands("vnet6", &Shaping { sent: Some(sent), received: Some(received) }),
            [
                "qdisc add dev vnet6 root handle 1: htb default 1",
                "class add dev vnet6 parent 1: classid 1:1 htb rate 1000kbps ceil 2000kbps burst 100kb quantum 85",
                "qdisc add dev vnet6 parent 1:1 handle 2: sfq perturb 10",
                "filter add dev vnet6 parent 1:0 protocol all prio 1 handle 1 fw flowid 1",
                "qdisc add dev vnet6 ingress",
                "filter add dev vnet6 parent ffff: protocol all u32 match u32 0 0 police rate 500kbps burst 500kb mtu 64kb drop flowid :1",
            ]
        );
        let plain = Rate { average: 100, ..Rate::default() };
        let class = &commands("t", &Shaping { sent: Some(plain), received: None })[1];
        assert_eq!(class, "class add dev t parent 1: classid 1:1 htb rate 100kbps quantum 8");
        assert_eq!(commands("t", &Shaping::default()), Vec::<String>::new());
    }

    #[tokio::test]
    async fn a_limit_that_the_kernel_lacks_is_an_error_with_its_words() {
        let words = |text: &'static str| text.split(' ');
        let script = Script::new()
            .expect(Tool::Tc, words("qdisc del dev t root"))
            .fail(2, "Error: Cannot delete qdisc with handle of zero.")
            .expect(Tool::Tc, words("qdisc del dev t ingress"))
            .fail(2, "Error: Cannot find specified qdisc on specified device.")
            .expect(Tool::Tc, words("qdisc add dev t ingress"))
            .fail(2, "Error: Specified qdisc kind is unknown.");
        let received = Some(Rate { average: 5, ..Rate::default() });
        let error = shape(&script, "t", &Shaping { sent: None, received }).await.unwrap_err();
        assert!(error.to_string().contains("kind is unknown"), "{error}");
        assert_eq!(script.left(), 0);
    }
}
