//! Figures of I/O threads, and of how fast the guest writes its memory.

use protocol::consts::domain_dirty_rate_status as measured;
use serde_json::Value;

use super::Params;
use crate::domain::Live;
use crate::figures;
use crate::monitor::IoThreadInfo;

/// The group of I/O threads of a record.
pub(super) async fn iothreads(live: &Live) -> Params {
    let mut params = Params::default();
    if live.definition.iothreads.threads.is_empty() {
        return params;
    }
    let answer = figures::answer(live, "iothreads", "query-iothreads", Value::Null).await;
    let threads =
        answer.and_then(|answer| serde_json::from_value::<Vec<IoThreadInfo>>((*answer).clone()).ok());
    let Some(threads) = threads else { return params };
    params.uint("iothread.count", threads.len());
    for thread in &threads {
        let Some(number) = thread.number() else { continue };
        params.ullong(format_args!("iothread.{number}.poll-max-ns"), thread.poll_max_ns);
        params.uint(format_args!("iothread.{number}.poll-grow"), thread.poll_grow as usize);
        params.uint(format_args!("iothread.{number}.poll-shrink"), thread.poll_shrink as usize);
    }
    params
}

/// The group of the dirty rate of a record: the last measurement, if one was made.
pub(super) async fn dirty_rate(live: &Live) -> Params {
    let mut params = Params::default();
    let Some(answer) = figures::answer(live, "dirty rate", "query-dirty-rate", Value::Null).await else {
        return params;
    };
    let number = |name: &str| answer.get(name).and_then(Value::as_i64);
    let status = match answer.get("status").and_then(Value::as_str) {
        Some("measuring") => measured::MEASURING,
        Some("measured") => measured::MEASURED,
        _ => measured::UNSTARTED,
    };
    params.int("dirtyrate.calc_status", status);
    params.llong("dirtyrate.calc_start_time", number("start-time").unwrap_or(0));
    let period = number("calc-time").and_then(|seconds| i32::try_from(seconds).ok());
    params.int("dirtyrate.calc_period", period.unwrap_or(0));
    if let Some(mode) = answer.get("mode").and_then(Value::as_str) {
        params.text("dirtyrate.calc_mode", mode);
    }
    if let Some(rate) = number("dirty-rate").filter(|_| status == measured::MEASURED) {
        params.llong("dirtyrate.megabytes_per_second", rate);
    }
    let vcpus = answer.get("vcpu-dirty-rate").and_then(Value::as_array).into_iter().flatten();
    for vcpu in vcpus {
        let id = vcpu.get("id").and_then(Value::as_u64);
        if let (Some(id), Some(rate)) = (id, vcpu.get("dirty-rate").and_then(Value::as_u64)) {
            params.ullong(format_args!("dirtyrate.vcpu.{id}.megabytes_per_second"), rate);
        }
    }
    params
}
