for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells], body = table.tBodies[0];
  const number = (cell) => parseFloat(cell.textContent.trim().replace("\u2212", "-").replaceAll(",", ""));
  const order = (column, sign) => (a, b) => {
    const [x, y] = [a.cells[column], b.cells[column]];
    if (!heads[column].classList.contains("n")) return sign * x.textContent.localeCompare(y.textContent);
    const [p, q] = [number(x), number(y)];
    return isNaN(p) || isNaN(q) ? isNaN(p) - isNaN(q) : sign * (p - q);
  };
  heads.forEach((head, column) => head.querySelector("button").addEventListener("click", () => {
    const falls = head.ariaSort === "descending" || (head.ariaSort !== "ascending" && !head.classList.contains("n"));
    for (const other of heads) other.ariaSort = "none";
    head.ariaSort = falls ? "ascending" : "descending";
    body.append(...[...body.rows].sort(order(column, falls ? 1 : -1)));
  }));
}
