"""The part of the service that stands for a document library: its items, what changed in it, and tokens that are lost."""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from recon_assets_tests.connectors.quickxor import quick_xor_hash

SIGNATURE = "CANARY-sas-signature"
DRIVE = "b!drive-1"
SITE = "contoso.sharepoint.com,11111111-1111-1111-1111-111111111111,22222222-2222-2222-2222-222222222222"
Answer = tuple[int, dict[str, Any], dict[str, str]]


@dataclass
class Item:
    name: str
    parent: str
    content: bytes = b""
    kind: str = "file"
    changes: int = 0
    hash: str | None = None  # that is announced in place of the right one


class Drive:
    """A library whose changes are numbered; a token is the number of the last change that was told."""

    def __init__(self) -> None:
        self.items: dict[str, Item] = {"root": Item("root", "", kind="root")}
        self.log: list[str] = ["root"]  # ids in the order of their changes
        self.page_size = 3
        self.lost_before = 0  # tokens before this change are not known any more
        self.hashes = "quickXorHash"
        self.calls: list[str] = []
        self.download_host = ""  # in place of the service's own
        self.refused: set[str] = set()  # items whose content is not handed out

    def put(self, path: str, content: bytes = b"", kind: str = "file") -> str:
        """Add or change a file by its path, with the folders above it; its id."""
        *folders, name = path.split("/")
        parent = "root"
        for depth, folder in enumerate(folders, start=1):
            parent = self._child(parent, folder, "folder", "/".join(folders[:depth]))
        found = self._child(parent, name, kind, path)
        self.items[found].content, self.items[found].changes = content, self.items[found].changes + 1
        self.log.append(found)
        return found

    def move(self, item_id: str, name: str, parent: str | None = None) -> None:
        """Rename or move an item. Of what is in a folder nothing is told."""
        item = self.items[item_id]
        item.name, item.parent = name, parent or item.parent
        self.log.append(item_id)

    def remove(self, item_id: str) -> None:
        del self.items[item_id]
        self.log.append(item_id)

    def _child(self, parent: str, name: str, kind: str, path: str) -> str:
        for item_id, item in self.items.items():
            if (item.parent, item.name) == (parent, name):
                return item_id
        item_id = f"01{hashlib.sha256(f'{path}{len(self.log)}'.encode()).hexdigest()[:12].upper()}"
        self.items[item_id] = Item(name, parent, kind=kind)
        self.log.append(item_id)
        return item_id

    def answer(self, path: str, query: Mapping[str, list[str]], public_url: str, own_url: str) -> Answer:
        if path.endswith("/root/delta"):
            return self._delta(query, public_url)
        if "/items/" in path:
            item_id = path.rpartition("/")[2]
            address = f"{self.download_host or own_url}/download/{item_id}?tempauth={SIGNATURE}"
            return 200, {"id": item_id, "@microsoft.graph.downloadUrl": address}, {}
        if path.endswith("/drives"):
            drives = [{"id": DRIVE, "name": "Documents"}, {"id": "b!drive-2", "name": "Archive"}]
            return 200, {"value": drives}, {}
        if path.endswith("/drive"):
            return 200, {"id": DRIVE, "name": "Documents"}, {}
        return 200, {"id": SITE, "webUrl": "https://contoso.sharepoint.com/sites/finance"}, {}

    def _delta(self, query: Mapping[str, list[str]], public_url: str) -> Answer:
        since, _, offset = query.get("token", ["0-0"])[0].partition("-")
        self.calls.append(query.get("token", ["first"])[0])
        base = f"{public_url}/drives/{DRIVE}/root/delta"
        if 0 < int(since) < self.lost_before:
            error = {"code": "resyncRequired", "message": "Resync required. Replace any local items."}
            return 410, {"error": error}, {"Location": f"{base}?token=0-0"}
        told = list(dict.fromkeys(self.log[int(since) :]))
        if since == "0":
            told = [item_id for item_id in told if item_id in self.items]
        page = told[int(offset or 0) : int(offset or 0) + self.page_size]
        rest = int(offset or 0) + self.page_size
        link = (
            {"@odata.nextLink": f"{base}?token={since}-{rest}"}
            if rest < len(told)
            else {"@odata.deltaLink": f"{base}?token={len(self.log)}"}
        )
        return 200, {"value": [self._described(item_id) for item_id in page], **link}, {}

    def _described(self, item_id: str) -> dict[str, Any]:
        item = self.items.get(item_id)
        if item is None:
            return {"id": item_id, "deleted": {"state": "deleted"}}
        found: dict[str, Any] = {"id": item_id, "name": item.name, "size": len(item.content)}
        found["parentReference"] = {"driveId": DRIVE, **({"id": item.parent} if item.parent else {})}
        if item.kind == "file":
            hashes = {self.hashes: item.hash or self._hash(item.content)} if self.hashes else {}
            return {**found, "cTag": f"c:{item_id},{item.changes}", "file": {"hashes": hashes}}
        return {**found, item.kind: {}, **({"folder": {}} if item.kind == "root" else {})}

    def _hash(self, content: bytes) -> str:
        if self.hashes == "quickXorHash":
            return base64.b64encode(quick_xor_hash(content)).decode()
        return hashlib.new(self.hashes.removesuffix("Hash"), content).hexdigest().upper()
