//! An identity as typed parameters: how one daemon tells another for whom it calls (CONNECT_SET_IDENTITY, 419).

use std::sync::{Arc, OnceLock};

use protocol::consts::params::{
    CONNECT_IDENTITY_GROUP_NAME as GROUP_NAME, CONNECT_IDENTITY_PROCESS_ID as PROCESS_ID,
    CONNECT_IDENTITY_PROCESS_TIME as PROCESS_TIME, CONNECT_IDENTITY_SASL_USER_NAME as SASL_USER_NAME,
    CONNECT_IDENTITY_SELINUX_CONTEXT as SELINUX_CONTEXT, CONNECT_IDENTITY_UNIX_GROUP_ID as UNIX_GROUP_ID,
    CONNECT_IDENTITY_UNIX_USER_ID as UNIX_USER_ID, CONNECT_IDENTITY_USER_NAME as USER_NAME,
    CONNECT_IDENTITY_X509_DISTINGUISHED_NAME as X509_DISTINGUISHED_NAME,
};
use protocol::remote::{TypedParam, TypedParamValue as Value};
use protocol::{ErrorCode, ErrorDomain, Fault};

use super::{Identity, More};

/// The parameter with the system token; it is no part of the public interface.
const SYSTEM_TOKEN: &str = "system.token";

impl Identity {
    /// The identity that these parameters tell, and the system token if they show one.
    ///
    /// # Errors
    /// A parameter is not known (argument unsupported), comes twice, or has another type or a number that none can
    /// have (invalid argument).
    pub fn from_params(params: &[TypedParam]) -> Result<(Self, Option<String>), Fault> {
        let mut identity = Self::default();
        let mut more = More::default();
        let mut token = None;
        for (place, TypedParam { field, value }) in params.iter().enumerate() {
            if params.iter().take(place).any(|earlier| earlier.field == *field) {
                return Err(invalid(format!("parameter '{field}' occurs multiple times")));
            }
            match (field.as_str(), value) {
                (USER_NAME, Value::String(name)) => more.user = OnceLock::from(Some(name.clone())),
                (GROUP_NAME, Value::String(name)) => more.group = OnceLock::from(Some(name.clone())),
                (UNIX_USER_ID, Value::Ullong(id)) => identity.uid = Some(number(field, *id)?),
                (UNIX_GROUP_ID, Value::Ullong(id)) => identity.gid = Some(number(field, *id)?),
                (PROCESS_ID, Value::Llong(id)) => identity.pid = Some(number(field, *id)?),
                (PROCESS_TIME, Value::Ullong(ticks)) => more.process_time = OnceLock::from(Some(*ticks)),
                (SASL_USER_NAME, Value::String(name)) => more.sasl_user = Some(name.clone()),
                (X509_DISTINGUISHED_NAME, Value::String(name)) => more.x509_dname = Some(name.clone()),
                (SELINUX_CONTEXT, Value::String(context)) => more.selinux_context = Some(context.clone()),
                (SYSTEM_TOKEN, Value::String(shown)) => token = Some(shown.clone()),
                (
                    USER_NAME
                    | GROUP_NAME
                    | UNIX_USER_ID
                    | UNIX_GROUP_ID
                    | PROCESS_ID
                    | PROCESS_TIME
                    | SASL_USER_NAME
                    | X509_DISTINGUISHED_NAME
                    | SELINUX_CONTEXT
                    | SYSTEM_TOKEN,
                    value,
                ) => {
                    let detail = format!("type {} is not that of parameter '{field}'", value.case());
                    return Err(invalid(detail));
                }
                _ => {
                    let detail = format!("parameter '{field}' not supported");
                    return Err(Fault::new(ErrorDomain::NONE, ErrorCode::ARGUMENT_UNSUPPORTED, detail));
                }
            }
        }
        // A process that is not this host's must not be looked up here.
        if more.process_time.get().is_none() {
            more.process_time = OnceLock::from(None);
        }
        identity.more = Arc::new(more);
        Ok((identity, token))
    }

    /// The parameters that tell of this identity. `process_time` looks for the start of its process. Names that follow
    /// from numbers are there if somebody has asked for them: the other side finds them as well.
    pub fn to_params(&self, process_time: impl FnOnce(i32) -> Option<u64>) -> Vec<TypedParam> {
        let more = &self.more;
        let known = |name: &OnceLock<Option<String>>| name.get().cloned().flatten();
        let all: [(&str, Option<Value>); 9] = [
            (USER_NAME, known(&more.user).map(Value::String)),
            (UNIX_USER_ID, self.uid.map(|id| Value::Ullong(id.into()))),
            (GROUP_NAME, known(&more.group).map(Value::String)),
            (UNIX_GROUP_ID, self.gid.map(|id| Value::Ullong(id.into()))),
            (PROCESS_ID, self.pid.map(|id| Value::Llong(id.into()))),
            (PROCESS_TIME, self.process_time(process_time).map(Value::Ullong)),
            (SASL_USER_NAME, more.sasl_user.clone().map(Value::String)),
            (X509_DISTINGUISHED_NAME, more.x509_dname.clone().map(Value::String)),
            (SELINUX_CONTEXT, more.selinux_context.clone().map(Value::String)),
        ];
        all.into_iter().filter_map(|(field, value)| Some(TypedParam::new(field, value?))).collect()
    }
}

/// The parameter by which a daemon shows the system token, for a call of its own.
pub fn token_param(token: &str) -> TypedParam {
    TypedParam::new(SYSTEM_TOKEN, token)
}

fn number<T, N: TryFrom<T>>(field: &str, value: T) -> Result<N, Fault>
where
    T: Copy + std::fmt::Display,
{
    N::try_from(value).map_err(|_| invalid(format!("parameter '{field}' cannot be {value}")))
}

fn invalid(detail: String) -> Fault {
    Fault::invalid_arg(ErrorDomain::NONE, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        let identity =
            Identity::new(Some(77), Some(1234), Some(55)).with_sasl_user("s").with_x509_dname("CN=x");
        let params = identity.to_params(|_| Some(88));
        let (told, token) = Identity::from_params(&params).unwrap();
        assert_eq!((told.pid, told.uid, told.gid, token), (Some(77), Some(1234), Some(55), None));
        assert_eq!(
            (told.sasl_user(), told.x509_dname(), told.selinux_context()),
            (Some("s"), Some("CN=x"), None)
        );
        assert_eq!(told.process_time(|_| None), Some(88));
        assert_eq!(told.to_params(|_| None), params);
    }

    #[test]
    fn names_that_are_told_are_believed_and_processes_not_looked_up() {
        let params = [
            TypedParam::new(USER_NAME, "joe"),
            TypedParam::new(GROUP_NAME, "staff"),
            TypedParam::new(PROCESS_ID, 1i64),
            token_param("t"),
        ];
        let (told, token) = Identity::from_params(&params).unwrap();
        assert_eq!((told.user(), told.group(), token.as_deref()), (Some("joe"), Some("staff"), Some("t")));
        assert_eq!((told.process_time(|_| Some(5)), told.is_elevated()), (None, false));
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for (params, code) in [
            (vec![TypedParam::new("foo", "x")], ErrorCode::ARGUMENT_UNSUPPORTED),
            (vec![TypedParam::new(USER_NAME, 5i32)], ErrorCode::INVALID_ARG),
            (vec![TypedParam::new(UNIX_USER_ID, 5i32)], ErrorCode::INVALID_ARG),
            (vec![TypedParam::new(UNIX_USER_ID, u64::MAX)], ErrorCode::INVALID_ARG),
            (vec![TypedParam::new(PROCESS_ID, i64::MAX)], ErrorCode::INVALID_ARG),
            (vec![TypedParam::new(USER_NAME, "a"), TypedParam::new(USER_NAME, "b")], ErrorCode::INVALID_ARG),
        ] {
            assert_eq!(Identity::from_params(&params).unwrap_err().code, code, "{params:?}");
        }
    }
}
