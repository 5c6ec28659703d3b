// @ts-check
/**
 * A copy of a `<template>` of the page: its first element.
 * @param {string} id
 * @returns {HTMLElement}
 */
export function fromTemplate(id) {
  const template = /** @type {HTMLTemplateElement} */ (document.getElementById(id));
  const copy = document.importNode(template.content, true);
  return /** @type {HTMLElement} */ (copy.firstElementChild);
}

/**
 * All elements of a `<template>`.
 * @param {string} id
 * @returns {DocumentFragment}
 */
export function allFromTemplate(id) {
  const template = /** @type {HTMLTemplateElement} */ (document.getElementById(id));
  return document.importNode(template.content, true);
}

/**
 * The element that the page is known to have.
 * @template {HTMLElement} [T=HTMLElement]
 * @param {ParentNode} root
 * @param {string} selector
 * @returns {T}
 */
export function find(root, selector) {
  const element = root.querySelector(selector);
  if (!element) throw new Error(`the page has no ${selector}`);
  return /** @type {T} */ (element);
}

/**
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {string} className
 * @param {string} [text]
 */
export function make(tag, className, text = "") {
  const element = document.createElement(tag);
  element.className = className;
  element.textContent = text;
  return element;
}

/**
 * Shows another icon of the sprite in the element's first `<svg>`.
 * @param {Element} element
 * @param {string} name
 */
export function setIcon(element, name) {
  element.querySelector("svg.icon use")?.setAttribute("href", `#i-${name}`);
}

/** Whether the user has a mouse: there, moving the focus into a field opens no keyboard. */
export const hasFinePointer = () => matchMedia("(pointer: fine)").matches;
