use super::*;
use crate::domain::cpu::FeaturePolicy;

const MAP: &str = "<cpus>
  <vendor name='AMD' string='AuthenticAMD'/>
  <feature name='fpu'><cpuid eax_in='0x01' edx='0x00000001'/></feature>
  <feature name='pni'><alias name='sse3' source='qemu'/><cpuid eax_in='0x01' ecx='0x00000001'/></feature>
  <feature name='lm'><cpuid eax_in='0x80000001' edx='0x20000000'/></feature>
  <feature name='invtsc' migratable='no'><cpuid eax_in='0x80000007' edx='0x00000100'/></feature>
  <feature name='rdctl-no'><msr index='0x10a' edx='0x00000000' eax='0x00000001'/></feature>
  <model name='old'><decode host='on' guest='on'/><feature name='fpu'/></model>
  <model name='new'><decode host='on' guest='on'/><signature family='23' model='1'/><vendor name='AMD'/>
    <feature name='fpu'/><feature name='pni'/><feature name='lm' removed='yes'/></model>
</cpus>";

fn map() -> CpuMap {
    CpuMap::parse([MAP]).unwrap()
}

fn processor(map: &CpuMap, features: &[&str]) -> CpuData {
    let mut data = CpuData::default();
    features.iter().for_each(|name| data.add(&map.feature(name).unwrap().data));
    data.set_vendor("AuthenticAMD");
    data.set_signature(Signature { family: 23, model: 1, stepping: 2 });
    data
}

#[test]
fn includes_are_listed_in_order() {
    let index = "<cpus><arch name='x86'><include filename='a'/><include filename='b'/></arch><arch name='arm'/></cpus>";
    assert_eq!(CpuMap::includes(index, "x86").unwrap(), ["a", "b"]);
}

#[test]
fn vendor_and_signature_go_both_ways() {
    let data = processor(&map(), &[]);
    assert_eq!(data.vendor().as_deref(), Some("AuthenticAMD"));
    assert_eq!(data.signature(), Some(Signature { family: 23, model: 1, stepping: 2 }));
}

#[test]
fn the_processors_own_model_is_found() {
    let map = map();
    let found = map.decode(&processor(&map, &["fpu", "sse3", "rdctl-no"]), &Candidates::Host);
    // The removed feature is named, and a host must not lack any.
    assert_eq!(found.map(|d| d.model).as_deref(), Some("old"));
    let guest = Candidates::Guest { known: &|_| Some(Vec::new()), preferred: None };
    let found = map.decode(&processor(&map, &["fpu", "sse3", "rdctl-no"]), &guest).unwrap();
    assert_eq!((found.model.as_str(), found.vendor.as_deref()), ("new", Some("AMD")));
    let list: Vec<_> = found.features.iter().map(|f| (f.name.as_str(), f.policy)).collect();
    assert_eq!(list, [("rdctl-no", FeaturePolicy::Require), ("lm", FeaturePolicy::Disable)]);
    let blocked = Candidates::Guest { known: &|_| Some(vec!["invtsc".to_owned()]), preferred: Some("old") };
    let found = map.decode(&processor(&map, &["fpu"]), &blocked).unwrap();
    assert_eq!((found.model.as_str(), found.features[0].name.as_str()), ("old", "invtsc"));
}

#[test]
fn names_must_be_declared() {
    let text = "<cpus><model name='x'><feature name='nosuch'/></model></cpus>";
    assert_eq!(CpuMap::parse([text]).unwrap_err().message, "Unknown CPU feature nosuch");
    assert!(!map().feature("invtsc").unwrap().migratable);
}
