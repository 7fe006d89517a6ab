//! The two macros of this crate: `wire!` declares types of the wire, `procedures!` tables of procedures.

/// Declares wire structs: fields in wire order, each with a type that knows its own bounds.
///
/// ```text
/// wire! {
///     /// What the struct is for.
///     struct DomainGetVcpusRet { info: List<VcpuInfo, VCPUINFO_MAX>, cpumaps: Opaque<CPUMAPS_MAX> }
/// }
/// ```
/// makes a public struct with public fields and its [`crate::Xdr`]: the fields one after another. With the
/// feature `reflect` it also makes [`crate::reflect::Reflect`] and, for each use of the macro, the list
/// `TYPES` of its structs; so a module has one use. Field names are libvirt's, some of them in camel case.
macro_rules! wire {
    ($(
        $(#[$doc:meta])*
        struct $name:ident $(names $leading:ident)? { $($field:ident: $type:ty),+ $(,)? }
    )+) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Debug, PartialEq)]
            #[allow(non_snake_case, reason = "field names are those of the wire")]
            pub struct $name {
                $(
                    #[doc = concat!("On the wire: `", stringify!($type), "`.")]
                    pub $field: $type,
                )+
            }

            impl $crate::xdr::Xdr for $name {
                const MIN_LEN: usize = 0 $(+ <$type as $crate::xdr::Xdr>::MIN_LEN)+;
                const LEADING: $crate::subject::Leading = $crate::subject::first(&[
                    $($crate::subject::Leading::$leading,)? $(<$type as $crate::xdr::Xdr>::LEADING),+
                ]);

                fn encode(&self, out: &mut $crate::xdr::Encoder) -> Result<(), $crate::xdr::EncodeError> {
                    $($crate::xdr::Xdr::encode(&self.$field, out)?;)+
                    Ok(())
                }

                fn decode(input: &mut $crate::xdr::Decoder<'_>) -> Result<Self, $crate::xdr::DecodeError> {
                    Ok(Self { $($field: $crate::xdr::Xdr::decode(input)?),+ })
                }
            }

            #[cfg(feature = "reflect")]
            impl $crate::reflect::Reflect for $name {
                fn shape() -> $crate::reflect::Shape {
                    use $crate::reflect::{Reflect, Shape};
                    Shape::Struct(stringify!($name), vec![$((stringify!($field), <$type as Reflect>::shape())),+])
                }

                fn value(&self) -> $crate::reflect::Value {
                    $crate::reflect::Value::Struct(vec![$((stringify!($field), self.$field.value())),+])
                }

                fn arbitrary(entropy: &mut $crate::reflect::Entropy<'_>) -> Self {
                    Self { $($field: $crate::reflect::Reflect::arbitrary(entropy)),+ }
                }
            }
        )+

        /// The structs of this module, for tests.
        #[cfg(feature = "reflect")]
        pub(crate) static TYPES: &[$crate::reflect::TypeEntry] =
            &[$($crate::reflect::TypeEntry::of::<$name>(stringify!($name))),+];
    };
}

/// Declares a family of procedures, one row each.
///
/// ```text
/// procedures! {
///     /// What the family is about.
///     trait DomainLifecycle in remote;
///
///     /// What the procedure does.
///     9 domain_create(DomainCreateArgs) -> () = "virDomainCreate": writes, acl(domain: start);
///
///     events {
///         /// What happened.
///         107 domain_event_lifecycle(DomainEventLifecycleMsg);
///     }
/// }
/// ```
/// A row is: number, name, type of the arguments (or nothing), type of the result (or `()`), name of the
/// public API (it stands in errors), then words that set fields of [`crate::Meta`], each explained in
/// `procedure/build.rs`. A rule `acl(domain: save none_of(FLAGS))` holds only for some arguments: `all_of`,
/// `none_of` or `equals` compare the field of the arguments that `decided_by` names.
///
/// It makes:
/// - the server's trait, generic over the context `C` of a call; a method that a driver lacks answers
///   "not supported by the connection driver";
/// - `dispatch`: decode, call, encode; `None` for the numbers of other families;
/// - a method of the program's `Client` per row;
/// - `rows`, with a static [`crate::Meta`] per row, and the lists `ROWS` (calls) and `EVENTS`.
macro_rules! procedures {
    (
        $(#[$family_doc:meta])*
        trait $family:ident in $program:ident;
        $(
            $(#[$doc:meta])*
            $number:literal $name:ident($($args:ty)?) -> $ret:ty = $api:literal
                $(: $($word:ident $(($($value:tt)*))?),+)?;
        )+
        $(events { $(
            $(#[$event_doc:meta])*
            $event_number:literal $event:ident($($body:ty)?);
        )+ })?
    ) => {
        $(#[$family_doc])*
        #[allow(clippy::new_ret_no_self, clippy::wrong_self_convention, reason = "names of procedures")]
        pub trait $family<C: Sync>: Sync {
            $(
                $(#[$doc])*
                ///
                #[doc = concat!("Procedure ", $number, ", `", $api, "`.")]
                ///
                /// # Errors
                /// What the driver reports; without a driver's own body, `NO_SUPPORT`.
                fn $name(&self, call: &C $(, args: $args)?)
                    -> impl Future<Output = Result<$ret, $crate::Fault>> + Send
                {
                    let _ = call;
                    $(let _: $args = args;)?
                    std::future::ready(Err($crate::Fault::unsupported(OF.1.errors(), $api)))
                }
            )+
        }

        /// Runs the procedure of this number with encoded arguments; `None` if the family has no such
        /// procedure.
        pub async fn dispatch<C: Sync, D: $family<C>>(
            driver: &D,
            call: &C,
            number: i32,
            body: &[u8],
        ) -> Option<Result<Vec<u8>, $crate::Fault>> {
            Some(match number {
                // Boxed, so that a call moves its own state about, and not that of the family's largest procedure.
                $($number => $crate::procedure::reply(
                    Box::pin(driver.$name(call $(, match $crate::procedure::arguments::<$args>(body) {
                        Ok(args) => args,
                        Err(fault) => return Some(Err(fault)),
                    })?)).await,
                ),)+
                _ => return None,
            })
        }

        #[allow(clippy::new_ret_no_self, clippy::wrong_self_convention, reason = "names of procedures")]
        impl<T: $crate::client::Transport> $crate::$program::Client<T> {
            $(
                $(#[$doc])*
                ///
                #[doc = concat!("Procedure ", $number, ", `", $api, "`.")]
                ///
                /// # Errors
                /// The server's error, or that no answer came.
                pub async fn $name(&self $(, args: &$args)?) -> Result<$ret, $crate::ClientError> {
                    self.call(&rows::$name, procedures!(@arguments $(args: $args)?)).await
                }
            )+
        }

        const OF: (u32, $crate::procedure::Family) =
            ($crate::$program::PROGRAM, $crate::procedure::Family::$family);

        /// What is known about each procedure of the family, under its name.
        #[expect(non_upper_case_globals, reason = "named as the procedures are")]
        pub mod rows {
            use super::*;
            use $crate::Meta;

            $(
                $(#[$doc])*
                pub static $name: Meta = {
                    let row = Meta::row(OF.0, OF.1, $number, stringify!($name), $api);
                    let row = row.types(concat!($(stringify!($args))?), stringify!($ret));
                    $(let row = row.leading(<$args as $crate::xdr::Xdr>::LEADING);)?
                    $($(let row = procedures!(@set row $word $(($($value)*))?);)+)?
                    row
                };
            )+
            $($(
                $(#[$event_doc])*
                pub static $event: Meta =
                    Meta::row(OF.0, OF.1, $event_number, stringify!($event), "")
                        .types(concat!($(stringify!($body))?), "")
                        $(.leading(<$body as $crate::xdr::Xdr>::LEADING))?
                        .event();
            )+)?
        }

        /// All rows that can be called.
        pub static ROWS: &[&$crate::Meta] = &[$(&rows::$name),+];
        /// All rows of events.
        pub static EVENTS: &[&$crate::Meta] = &[$($(&rows::$event),+)?];
    };

    (@arguments) => { () };
    (@arguments $args:ident: $type:ty) => { $args };

    (@set $row:ident acl($($object:ident: $permission:ident $($when:ident($value:expr))?),+)) => {
        $row.acl(&[$($crate::procedure::AccessRule {
            object: stringify!($object),
            permission: stringify!($permission),
            when: procedures!(@when $($when($value))?),
        }),+])
    };
    (@set $row:ident filter($object:ident: $permission:ident)) => {
        $row.filter(&[$crate::procedure::Filter {
            object: stringify!($object),
            permission: stringify!($permission),
        }])
    };
    (@set $row:ident writes_when($($when:ident($value:expr)),+)) => {
        $row.writes_when(&[$(procedures!(@when $when($value))),+])
    };
    (@set $row:ident decided_by($args:ident.$field:ident)) => {
        $row.decided_by(|body| Ok($crate::xdr::from_slice::<$args>(body)?.$field))
    };
    (@set $row:ident stream($direction:ident)) => {
        $row.stream($crate::procedure::StreamDirection::$direction)
    };
    (@set $row:ident fds($messages:ident)) => { $row.fds($crate::procedure::Fds::$messages) };
    (@set $row:ident sparse($flag:expr)) => { $row.sparse($flag.bits()) };
    (@set $row:ident $word:ident) => { $row.$word() };

    (@when) => { $crate::procedure::When::Always };
    (@when all_of($bits:expr)) => { $crate::procedure::When::All($bits.bits()) };
    (@when none_of($bits:expr)) => { $crate::procedure::When::NoneOf($bits.bits()) };
    (@when equals($value:expr)) => { $crate::procedure::When::Equals($value) };
}
