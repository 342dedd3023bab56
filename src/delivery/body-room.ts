/** Memory for bodies of which it is not known yet who sent them: anybody may send, and GitHub's own limit for one is 25 MiB. */
export interface BodyRoom {
  enter(): BodyPlace;
}

/** One request's part of it. */
export interface BodyPlace extends Disposable {
  /** False where there is no room for so many more. */
  take(bytes: number): boolean;
}

/** So much each may bring in any case: nearly every delivery is shorter, and who fills the room must not keep these out. */
const freeBytes = 256 * 1024;
const roomBytes = 128 * 1024 * 1024;

export function createBodyRoom(): BodyRoom {
  let heldBytes = 0;
  return {
    enter() {
      let ownBytes = 0;
      let heldOwnBytes = 0;
      return {
        take(bytes) {
          ownBytes += bytes;
          const more = Math.max(0, ownBytes - freeBytes) - heldOwnBytes;
          if (more === 0) return true;
          if (heldBytes + more > roomBytes) return false;
          heldBytes += more;
          heldOwnBytes += more;
          return true;
        },
        [Symbol.dispose]() {
          heldBytes -= heldOwnBytes;
          heldOwnBytes = 0;
        },
      };
    },
  };
}
