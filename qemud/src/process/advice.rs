//! Where the host's adviser, numad(8), wants a guest's memory and processors (`placement='auto'`).

use std::time::Duration;

use ::driver::documents::blocking;
use host::command::{Cmd, Runner, Tool};
use model::bitmap::Bitmap;
use model::domain::Domain as Definition;
use model::domain::vcpu::Placement;
use protocol::{ErrorCode, ErrorDomain, Fault};

/// How long numad may think: it looks at the whole host first.
const LIMIT: Duration = Duration::from_secs(30);

/// Put numad's nodes, and their processors, into a live definition that leaves them to it.
pub(super) async fn ask(runner: &dyn Runner, definition: &mut Definition) -> Result<(), Fault> {
    let (by_memory, by_vcpus) = (definition.numatune.is_auto(), definition.vcpus.placement);
    if !by_memory && by_vcpus != Placement::Auto {
        return Ok(());
    }
    let megabytes = definition.memory.total_kib.div_ceil(1024);
    let wanted = format!("{}:{megabytes}", definition.vcpus.max);
    let command = Cmd::new(Tool::Numad, ["-w", &wanted]).limit(LIMIT);
    let told = runner.run(command).await.and_then(|output| output.success(Tool::Numad));
    let nodes = match told.map(|text| nodes(&text)) {
        Ok(Some(nodes)) => nodes,
        Ok(None) => return Err(failed("its answer is no list of nodes")),
        Err(error) => return Err(failed(&error.full_text())),
    };
    if by_vcpus == Placement::Auto {
        definition.vcpus.cpuset = Some(processors(nodes.clone()).await?);
    }
    if let Some(memory) = definition.numatune.memory.as_mut().filter(|_| by_memory) {
        memory.nodeset = Some(nodes);
    }
    Ok(())
}

/// numad answers with one line: `0` or `0-1,3`.
fn nodes(text: &[u8]) -> Option<Bitmap> {
    let text = std::str::from_utf8(text).ok()?;
    Bitmap::parse(text.trim()).ok().filter(|nodes| !nodes.is_empty())
}

async fn processors(nodes: Bitmap) -> Result<Bitmap, Fault> {
    let topology = blocking(host::topology::read).await.map_err(::driver::fault::host(ErrorDomain::QEMU))?;
    let mut cpus = Bitmap::new();
    let own = topology.cells.iter().filter(|cell| nodes.contains(cell.id));
    own.flat_map(|cell| &cell.cpus).for_each(|cpu| cpus.insert(*cpu));
    Ok(cpus)
}

fn failed(why: &str) -> Fault {
    let detail = format!("Failed to query numad for the advisory nodeset: {why}");
    Fault::new(ErrorDomain::NONE, ErrorCode::OPERATION_FAILED, detail)
}

#[cfg(test)]
mod tests {
    use host::command::Script;
    use model::domain::ParseOptions;

    use super::*;

    fn automatic(numatune: &str) -> Definition {
        let text = format!(
            "<domain type='kvm'><name>g</name><memory unit='MiB'>64</memory><vcpu placement='auto'>2</vcpu>\
             {numatune}<os><type>hvm</type></os></domain>"
        );
        Definition::parse_str(&text, &ParseOptions::default()).unwrap()
    }

    #[tokio::test]
    async fn its_nodes_are_taken() {
        let mut definition = automatic("<numatune><memory mode='strict' placement='auto'/></numatune>");
        let script = Script::new().expect(Tool::Numad, ["-w", "2:64"]).reply("0\n");
        ask(&script, &mut definition).await.unwrap();
        let memory = definition.numatune.memory.as_ref().unwrap();
        assert!(memory.nodeset.as_ref().is_some_and(|nodes| nodes.contains(0)));
        assert!(definition.vcpus.cpuset.is_some_and(|cpus| !cpus.is_empty()));
    }

    #[tokio::test]
    async fn without_an_answer_there_is_no_start() {
        let script = Script::new().expect(Tool::Numad, ["-w", "2:64"]).reply("what?\n");
        let error = ask(&script, &mut automatic("")).await.unwrap_err();
        assert_eq!(error.code, ErrorCode::OPERATION_FAILED);
        assert!(error.message.contains("numad"), "{}", error.message);
        let mut fixed = automatic("<numatune><memory nodeset='0'/></numatune>");
        fixed.vcpus.placement = Placement::Static;
        assert!(ask(&Script::new(), &mut fixed).await.is_ok());
    }
}
