// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @notice What a hooked party may do while it sends or receives.
interface ITokenHook {
    function onTokens(address from, address to, uint256 amount) external;
}

/// @notice A quote token that can block addresses, as USDC does, and call parties that asked for it, as ERC-777 did.
contract QuoteToken is ERC20 {
    error QuoteToken_Blocked(address account);

    uint8 private immutable _decimals;
    mapping(address => bool) public blocked;
    mapping(address => bool) public hooked;

    constructor(uint8 decimals_) ERC20("Quote", "QUOTE") {
        _decimals = decimals_;
    }

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function setBlocked(address account, bool blocked_) external {
        blocked[account] = blocked_;
    }

    function setHooked(bool hooked_) external {
        hooked[msg.sender] = hooked_;
    }

    function decimals() public view override returns (uint8) {
        return _decimals;
    }

    function _update(address from, address to, uint256 amount) internal override {
        if (blocked[from]) revert QuoteToken_Blocked(from);
        if (blocked[to]) revert QuoteToken_Blocked(to);
        super._update(from, to, amount);
        if (hooked[from]) ITokenHook(from).onTokens(from, to, amount);
        if (hooked[to]) ITokenHook(to).onTokens(from, to, amount);
    }
}
