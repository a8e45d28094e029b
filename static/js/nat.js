// What the browser's own candidates tell of the viewer's NAT (RFC 5780 words). Pure.

/** `{foundation, protocol, address, port, type}` of a candidate line (RFC 8839 §5.1), or null. */
export function parseCandidate(line) {
  const match = /^(?:a=)?candidate:(\S+) \d+ (\S+) \d+ (\S+) (\d+) typ (\S+)/i.exec(line);
  if (!match) return null;
  const [, foundation, protocol, address, port, type] = match;
  return { foundation, protocol: protocol.toLowerCase(), address, port: Number(port), type };
}

/**
 * `{mapping, external, detail}` from candidates gathered with at least two STUN addresses: one interface
 * (foundation) that is seen at several ports has a NAT that maps each target anew.
 */
export function natOf(lines) {
  const candidates = lines.map(parseCandidate).filter((one) => one?.protocol === "udp");
  const reflexive = candidates.filter(({ type }) => type === "srflx");
  if (!candidates.length) return { mapping: "blocked", external: null, detail: "The browser offers no UDP at all." };
  if (!reflexive.length) return { mapping: "blocked", external: null, detail: "No STUN server answered: UDP seems to be blocked." };
  const external = reflexive[0].address;
  const ports = new Map();
  for (const { foundation, port } of reflexive) ports.set(foundation, (ports.get(foundation) ?? new Set()).add(port));
  if ([...ports.values()].some((seen) => seen.size > 1)) {
    return { mapping: "address_and_port_dependent", external, detail: "The NAT gives each target another port (symmetric), which makes peer to peer difficult." };
  }
  return { mapping: "endpoint_independent", external, detail: "The NAT keeps one port for all targets, which suits peer to peer." };
}
