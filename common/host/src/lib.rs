//! The machine: durable files, commands, processes, cgroups, topology, descriptors.
