/** A program that Airlock needs on its host. */
export interface Need {
  /** As it is called, or the path of a file that only its package has. */
  name:
    | "git"
    | "/usr/bin/chromium"
    | "/usr/lib/postgresql"
    | "/usr/bin/runsc"
    | "dockerd"
    | "setpriv"
    | "unshare"
    | "debootstrap"
    | "ip"
    | "mkfs.ext4"
    | "nft"
    | "/etc/ssl/certs/ca-certificates.crt"
    | "/usr/share/keyrings/debian-archive-keyring.gpg";
  /** Debian's package. */
  package: string;
  why: string;
  /** False: used for parts only, so its absence stops nothing, but --provision brings it. */
  required: boolean;
  /** True: only Airlock's own tests use it. */
  testsOnly?: true;
}

export const needs: readonly Need[] = [
  { name: "git", package: "git", why: "repositories are made and read with it", required: true },
  { name: "dockerd", package: "docker.io", why: "agents work in its containers", required: true },
  { name: "setpriv", package: "util-linux", why: "our processes drop their rights with it", required: true },
  { name: "unshare", package: "util-linux", why: "the git host runs without a network by it", required: true },
  { name: "debootstrap", package: "debootstrap", why: "it makes the base image where none can be pulled", required: false },
  {
    name: "/usr/share/keyrings/debian-archive-keyring.gpg",
    package: "debian-archive-keyring",
    why: "debootstrap checks signatures with it",
    required: false,
  },
  {
    name: "/etc/ssl/certs/ca-certificates.crt",
    package: "ca-certificates",
    why: "the engine pulls images over TLS with it",
    required: false,
  },
  { name: "mkfs.ext4", package: "e2fsprogs", why: "each run gets a disk of its own by it", required: true },
  { name: "ip", package: "iproute2", why: "firewalled sandboxes get their routes by it", required: false },
  { name: "nft", package: "nftables", why: "firewalled sandboxes need it", required: false },
  { name: "/usr/bin/chromium", package: "chromium", why: "pages are tested in it", required: false, testsOnly: true },
  {
    name: "/usr/lib/postgresql",
    package: "postgresql",
    why: "the store is tested on a server of it",
    required: false,
    testsOnly: true,
  },
  {
    name: "/usr/bin/runsc",
    package: "runsc",
    why: "the verification is tested under it",
    required: false,
    testsOnly: true,
  },
];
