// What a choice of cameras needs: what the recorder reports of each stream, and where it does not, the
// planning figures of the customer's guide in Mbps (D4). Table values are kept as printed (9 SD = 5 though 9 x 0.5 = 4.5).

const SD_TABLE = new Map([[1, 0.5], [4, 2], [9, 5], [16, 8]]);
const SD_MBPS = 0.5;
const HD_MBPS = 5;
export const SITE_UPLOAD_MBPS = 5; // the recommended upload of a site

/** From the guide alone, for so many cameras of each profile. */
export function plannedMbps({ hd = 0, sd = 0 }) {
  return hd * HD_MBPS + (SD_TABLE.get(sd) ?? sd * SD_MBPS);
}

/** For streams {profile, kbps: {hd, sd}}; a kbps of 0 is not known. */
export function expectedKbps(streams) {
  const unknown = { hd: 0, sd: 0 };
  let known = 0;
  for (const { profile, kbps } of streams) {
    if (kbps[profile]) known += kbps[profile];
    else unknown[profile] += 1;
  }
  return known + plannedMbps(unknown) * 1_000;
}

/** "480 kbps", "2.1 Mbps". */
export function rateInWords(kbps) {
  return kbps < 1_000 ? `${Math.round(kbps)} kbps` : `${(kbps / 1_000).toFixed(1)} Mbps`;
}

/** A warning before the choice needs more than a site is recommended to have, or "". */
export function warningFor(streams) {
  const needed = expectedKbps(streams);
  const hd = streams.filter(({ profile }) => profile === "hd").length;
  if (needed <= SITE_UPLOAD_MBPS * 1_000 || hd < 2) return "";
  const inSd = expectedKbps(streams.map(({ kbps }) => ({ profile: "sd", kbps })));
  return `HD for ${hd} cameras needs about ${rateInWords(needed)} of upload where the cameras are; ${SITE_UPLOAD_MBPS} Mbps is the recommended line. SD needs ${rateInWords(inSd)}.`;
}

/** "hd" or "sd": by the person's choice, else one camera HD and a grid SD; what the camera has. */
export function profileFor(choice, cameraCount, available = ["hd", "sd"]) {
  const wanted = choice === "auto" ? (cameraCount === 1 ? "hd" : "sd") : choice;
  return available.includes(wanted) ? wanted : (available[0] ?? "hd");
}
