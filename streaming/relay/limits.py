"""Every bound of the relay, each with its reason. Times in seconds, sizes in bytes."""

from __future__ import annotations

# Links: one per recorder that polls.
POLL_HOLD_S = 20.0  # two polls and a grace stay below the 45 s in which a dead link must show
LINK_GRACE_S = 10.0  # between two polls a recorder needs a round trip; a reconnect, a few seconds
MAX_LINKS = 20_000  # one node, one region; past it the recorder tries the next node
MAX_POLLS = 8  # the recorder keeps 2; more serve only somebody who wants our memory
MAX_WAITING = 64  # requests that wait for a poll; the recorder answers 64 at once
MAX_EXCHANGES = 256  # open at one recorder: 64 viewers with a stream and a few pieces each
RETIRED_BOOTS = 8  # boot ids that a newer one replaced, remembered so that they stay out
FLAP_WINDOW_S = 60.0
FLAP_REPLACEMENTS = 3  # restarts happen; more in a minute is two devices with one identity
FLAP_HOLD_S = 10.0  # then a new boot waits this long after the last replacement

# Exchanges.
ANSWER_S = 10.0  # a recorder that does not begin to answer
STALL_S = 30.0  # an answer that brings nothing; a recorder's camera watchdog needs 10 s
MAX_PROBLEM_BYTES = 64 * 1024  # body of a refused live request, kept whole for all who wait
MAX_TARGET_BYTES = 2048  # the longest address of the recorder API has about 200
PASSAGE_BYTES = 256 * 1024  # buffered for one viewer before the recorder is told to wait
DRAIN_S = 5.0  # a recorder that was told to stop sending finishes its chunk in this time
BODY_S = 10.0  # a viewer's request body has 256 KiB at most: 26 KB/s is slower than any line
MAX_PART_BYTES = 256 * 1024  # of an answer that comes in bounded requests
PART_S = 20.0  # for one of them: 100 kbps; below the 25 s that any request has
MAX_PROBES = 2_000  # under way at once: recorders that come back after a restart
MAX_RECORDER_PROBES = 4  # of them, of one recorder: the others find room
MAX_PROBE_BYTES = 64 * 1024
PROBE_S = 10.0  # twice what a recorder waits for its verdict

# Live video.
LINGER_S = 3.0  # a page that reloads finds its stream still running
RENEW_BEFORE_S = 40.0  # viewers renew every 30 s of 60: a fresher token exists by then
RENEW_RETRY_S = 5.0
MAX_GOP_BYTES = 4 * 1024 * 1024  # as the recorder keeps for its own joiners
MAX_GOP_FRAMES = 600  # 10 s at 60 frames per second
KEPT_S = 2.0  # pictures for a viewer that comes from another path: its hand-over takes no longer
KEPT_BYTES = 4 * 1024 * 1024  # of them, besides the current group: 3 s of 10 Mbps
MAX_VIEWERS = 500  # of one camera and profile; everybody at a site watches the door at most
BACKLOG_BYTES = 1024 * 1024  # queue of one viewer; with socket buffers it stays below 2 MiB
BACKLOG_AGE_S = 2.0  # older than this is not live
REPEAT_WINDOW_S = 30.0
REPEAT_DROPS = 3  # so many jumps in the window: the line cannot carry all frames
KEYS_ONLY_S = 30.0  # then every frame is tried again
STALLED_S = 20.0  # a viewer that takes nothing at all

# Sessions.
MAX_SESSIONS = 5_000  # of one node
MAX_CUSTOMER_SESSIONS = 1_000  # of them, of one organisation: the others find room (R14)
RENEWAL_S = 3.0  # after a change of rights the viewer must show a token that reflects it
MESSAGES_PER_S = 100.0  # a page seeking in 16 cameras sends about 50
MESSAGE_BURST = 400.0
TICK_S = 0.5
